//! Conversations in which the model calls tools of the caller (Build 1, "tool use loop").

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use paige_claude::{Answer, ClaudeError, Kind, Request, Tier, Tool};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::book::{Book, Scene, Verdict, verdict};

/// The input of the tool that the tests have.
#[derive(Debug, Deserialize, JsonSchema)]
struct Look {
    /// Relative to the project.
    path: String,
    /// From 1; the whole file without it.
    line: Option<u32>,
}

/// The paths that a tool was asked for, in their order.
type Seen = Arc<Mutex<Vec<String>>>;

/// A tool that knows one file.
fn look(seen: &Seen) -> Tool {
    let seen = Arc::clone(seen);
    Tool::new("look", "Shows a file.", move |input: Look| {
        let seen = Arc::clone(&seen);
        async move {
            seen.lock().push(input.path.clone());
            match input.path.as_str() {
                "basket.py" => Ok(format!("def total(): ... # line {:?}", input.line)),
                "" => Err(String::new()),
                path => Err(format!("There is no file {path}.")),
            }
        }
    })
}

fn agent(seen: &Seen, rounds: u32) -> Request {
    Request::new("agent", Tier::Haiku, "You look.", "What is in the basket?")
        .tools([look(seen)], rounds)
}

/// A turn that ends with calls of tools: `(id, name, input)`.
fn calls(contains: &str, calls: &[(&str, &str, Value)]) -> String {
    let mut blocks = vec![
        json!({"type": "thinking", "thinking": "Where is it?", "signature": "c2ln"}),
        json!({"type": "text", "text": "I look."}),
        json!({"type": "a_block_of_tomorrow", "data": [1]}),
    ];
    blocks.extend(calls.iter().map(
        |(id, name, input)| json!({"type": "tool_use", "id": id, "name": name, "input": input}),
    ));
    entry(contains, "stop_reason = \"tool_use\"", &Value::from(blocks))
}

/// The turn after it.
fn says(contains: &str, text: &str) -> String {
    entry(contains, "", &json!([{"type": "text", "text": text}]))
}

fn entry(contains: &str, more: &str, content: &Value) -> String {
    format!(
        "[[entry]]\ncall = \"agent\"\ncontains = ['{contains}']\n{more}\n\
         usage = {{ input_tokens = 100, output_tokens = 10 }}\ncontent = '''{content}'''\n"
    )
}

/// One call of the tool, and an answer once it has told something.
fn one_call(path: &str, answered_after: &str, answer: &str) -> String {
    says(answered_after, answer) + &calls("", &[("toolu_1", "look", json!({"path": path}))])
}

fn failed(outcome: Result<Answer<String>, ClaudeError>) -> ClaudeError {
    outcome.expect_err("there is no answer")
}

#[tokio::test]
async fn tools_are_run_in_the_order_asked_and_answered_in_one_message() -> Result<()> {
    let asked = [
        ("toolu_1", "look", json!({"path": "basket.py"})),
        ("toolu_2", "look", json!({"path": "moon.py", "line": 3})),
        ("toolu_3", "look", json!({"path": ""})),
        ("toolu_4", "look", json!({"line": 3})),
        ("toolu_5", "fly", json!({})),
    ];
    let scenario = says("There is no file", "A def.") + &calls("", &asked);
    let scene = Scene::new(&scenario).await?;
    let seen = Seen::default();
    let answer = scene.client.prose(agent(&seen, 3)).await?;
    assert_eq!(answer.value, "A def.");
    assert_eq!(*seen.lock(), ["basket.py", "moon.py", ""]);
    scene.fake.expect_all_valid()?;

    let bodies = scene.fake.messages();
    assert_eq!(
        bodies[0]["tools"][0]["input_schema"]["required"],
        json!(["line", "path"])
    );
    assert!(bodies.iter().all(|body| body.get("tool_choice").is_none()));
    let messages = &bodies[1]["messages"];
    let content = &messages[1]["content"];
    // What the model said went back as it came.
    assert_eq!(
        (&content[0]["signature"], &content[2]),
        (
            &json!("c2ln"),
            &json!({"type": "a_block_of_tomorrow", "data": [1]})
        )
    );
    let results = messages[2]["content"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let told: Vec<_> = results
        .iter()
        .map(|result| {
            (
                result["tool_use_id"].as_str().unwrap_or_default(),
                result["is_error"] == true,
                result["content"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("toolu_1", false, "def total(): ... # line None"),
            ("toolu_2", true, "There is no file moon.py."),
            ("toolu_3", true, "The tool has failed."),
            (
                "toolu_4",
                true,
                "At `.` the input does not follow the tool's schema: missing field `path`."
            ),
            (
                "toolu_5",
                true,
                "There is no tool \"fly\". Use one of those that you were given."
            ),
        ]
    );
    // Each attempt is an attempt as any other, and the answer counts them together.
    let rows = scene.book.rows()?;
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter()
            .all(|row| row.cost.is_some() && row.call_type == "agent")
    );
    assert_eq!(
        (answer.usage.input_tokens, answer.usage.output_tokens),
        (200, 20)
    );
    Ok(())
}

#[tokio::test]
async fn the_answer_after_tools_is_structured_if_it_is_asked_for() -> Result<()> {
    let scenario = says("cannot be used", r#"{"passed": true, "level": 7}"#)
        + &one_call("basket.py", "def total", "I think so.");
    let scene = Scene::new(&scenario).await?;
    for native in [true, false] {
        if !native {
            scene.fake.without_structured_output();
        }
        let answer = scene
            .client
            .ask::<Verdict>(agent(&Seen::default(), 1))
            .await?;
        assert_eq!(answer.value, verdict());
    }
    // The correction goes on from what the tools gave: it costs no second round.
    let last = paige_tests::anthropic::last(&scene.fake)?;
    let messages = last["messages"].as_array().map_or(0, Vec::len);
    assert_eq!(messages, 5, "question, call, result, answer, correction");
    Ok(())
}

#[tokio::test]
async fn a_stream_calls_tools_as_well() -> Result<()> {
    let scene = Scene::new(&one_call("basket.py", "def total", "A def.")).await?;
    let (seen, mut told) = (Seen::default(), String::new());
    let answer = scene
        .client
        .stream(agent(&seen, 1), &mut |piece| told.push_str(piece))
        .await?;
    assert_eq!(
        (answer.value.as_str(), told.as_str()),
        ("I look.A def.", "I look.A def.")
    );
    assert_eq!(*seen.lock(), ["basket.py"]);
    scene.fake.expect_all_valid()
}

#[tokio::test]
async fn a_model_that_calls_tools_for_ever_is_stopped() -> Result<()> {
    let scene = Scene::new(&calls(
        "",
        &[("toolu_1", "look", json!({"path": "basket.py"}))],
    ))
    .await?;
    let seen = Seen::default();
    let error = failed(scene.client.prose(agent(&seen, 3)).await);
    assert_eq!((error.kind(), error.retryable()), (Kind::Rounds, false));
    assert!(error.to_string().contains("more than 3 times"), "{error}");
    assert_eq!((seen.lock().len(), scene.asked()), (3, 4));
    assert_eq!(scene.book.rows()?.len(), 4);
    Ok(())
}

#[tokio::test]
async fn failures_are_repeated_and_a_budget_holds_between_rounds() -> Result<()> {
    let scene = Scene::new(&one_call("basket.py", "def total", "A def.")).await?;
    scene.fake.first(
        "[[entry]]\ncall = \"agent\"\ncontains = ['def total']\ntimes = 1\nfault = { status = 529 }",
    )?;
    let seen = Seen::default();
    scene.client.prose(agent(&seen, 1)).await?;
    assert_eq!(seen.lock().len(), 1, "a repetition runs no tool again");
    let failed_rows: Vec<bool> = scene
        .book
        .rows()?
        .iter()
        .map(|row| row.latency_ms == -1)
        .collect();
    assert_eq!(failed_rows, [false, true, false]);
    // What the second round could cost at most, a whole answer of 4096 tokens, is more than is left.
    let worst = scene.book.state.lock().planned[0]
        .worst_case
        .unwrap_or_default();
    let tight = Book::with_budget(worst * 1.001);
    let scene = Scene::with(&one_call("basket.py", "def total", "A def."), tight, |_| ()).await?;
    let error = failed(scene.client.prose(agent(&Seen::default(), 1)).await);
    assert_eq!((error.kind(), scene.asked()), (Kind::Budget, 1));
    Ok(())
}

#[tokio::test]
async fn a_tool_that_hangs_ends_with_the_call() -> Result<()> {
    let scene = Scene::new(&one_call("basket.py", "def total", "A def.")).await?;
    let begun = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&begun);
    let hang = Tool::new("look", "Never comes back.", move |_: Look| {
        told.notify_one();
        std::future::pending()
    });
    let request = agent(&Seen::default(), 1).tools([hang], 1);
    let error = failed(
        scene
            .client
            .prose(request.clone().deadline(Duration::from_millis(1500)))
            .await,
    );
    assert_eq!(error.kind(), Kind::Deadline);
    assert!(error.to_string().contains("tools"), "{error}");
    // Whoever goes away leaves nothing reserved.
    begun.notified().await;
    tokio::select! {
        outcome = scene.client.prose(request) => panic!("it hangs: {outcome:?}"),
        () = begun.notified() => {}
    }
    assert_eq!(scene.book.wait_for(2).await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_tool_may_ask_a_model_itself() -> Result<()> {
    let scenario = one_call("basket.py", "seven", "It is seven.")
        + "[[entry]]\ncall = \"review\"\ntext = \"seven\"\n";
    let scene = Scene::with(&scenario, Book::default(), |config| {
        config.concurrency.haiku = 1;
    })
    .await?;
    let client = scene.client.clone();
    let nested = Tool::new("look", "Asks another model.", move |_: Look| {
        let client = client.clone();
        async move {
            let answer = client.prose(crate::book::review()).await;
            answer
                .map(|answer| answer.value)
                .map_err(|error| error.to_string())
        }
    });
    let answer = scene
        .client
        .prose(agent(&Seen::default(), 1).tools([nested], 1))
        .await?;
    assert_eq!(answer.value, "It is seven.");
    scene.fake.expect_all_valid()
}

#[tokio::test]
async fn tools_that_cannot_be_offered_are_refused_before_anything_is_sent() -> Result<()> {
    #[derive(Deserialize, JsonSchema)]
    struct Deep {
        #[allow(dead_code, reason = "for its schema")]
        inner: Vec<Deep>,
    }
    let scene = Scene::new(&says("", "x")).await?;
    let seen = Seen::default();
    let named = |name| Tool::new(name, "x", |_: Look| async { Ok(String::new()) });
    let deep = Tool::new("deep", "x", |_: Deep| async { Ok(String::new()) });
    for (tools, searches, says) in [
        (
            vec![look(&seen), look(&seen)],
            false,
            "two tools of the name `look`",
        ),
        (
            vec![named("web_search")],
            true,
            "two tools of the name `web_search`",
        ),
        (vec![named("a b")], false, "not named by"),
        (vec![named("")], false, "not named by"),
        (vec![deep], false, "contains itself"),
    ] {
        let mut request = agent(&seen, 1).tools(tools, 1);
        request.web_search = searches.then_some(1);
        let error = failed(scene.client.prose(request).await);
        assert_eq!(error.kind(), Kind::InvalidRequest);
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(scene.asked(), 0);
    Ok(())
}
