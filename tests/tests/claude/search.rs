//! Searching the web: results, quotations, and turns that the API pauses.

use anyhow::Result;
use paige_claude::{Citation, Kind, Request, SearchResult, Tier};

use crate::book::{GOOD, Scene, Verdict, is_about, review, verdict};

/// The API pauses the turn once after a search, then the model answers and quotes.
const PAUSED: &str = r#"
[[entry]]
call = "materials"
times = 1
stop_reason = "pause_turn"
usage = { input_tokens = 1000, output_tokens = 100, web_searches = 1 }
content = '''[
  {"type": "text", "text": "I look for it."},
  {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "sets"}},
  {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
    {"type": "web_search_result", "url": "https://docs.example/sets", "title": "Sets", "encrypted_content": "x", "page_age": null},
    {"type": "web_search_result", "url": "https://docs.example/lists", "title": "Lists", "encrypted_content": "y", "page_age": null}
  ]}
]'''
[[entry]]
call = "materials"
contains = ["I look for it."]
usage = { input_tokens = 3000, output_tokens = 50 }
content = '''[
  {"type": "a_block_of_tomorrow", "data": [1]},
  {"type": "text", "text": "{\"passed\": true,", "citations": [{"type": "web_search_result_location",
    "url": "https://docs.example/sets", "title": "Sets", "encrypted_index": "z", "cited_text": "A set has no order."}]},
  {"type": "text", "text": " \"level\": 7}"}
]'''
"#;

fn materials() -> Request {
    Request::new(
        "materials",
        Tier::Haiku,
        "You search.",
        "Find something about sets.",
    )
    .web_search(3)
}

fn found() -> Vec<SearchResult> {
    [("sets", "Sets"), ("lists", "Lists")]
        .map(|(page, title)| SearchResult {
            url: format!("https://docs.example/{page}"),
            title: title.to_owned(),
        })
        .to_vec()
}

#[tokio::test]
async fn a_paused_turn_is_continued_and_the_results_are_told() -> Result<()> {
    let scene = Scene::new(PAUSED).await?;
    let answer = scene.client.ask::<Verdict>(materials()).await?;
    assert_eq!(answer.value, verdict());
    assert_eq!(answer.searches, found());
    let cited = Citation {
        url: "https://docs.example/sets".to_owned(),
        title: "Sets".to_owned(),
        cited_text: "A set has no order.".to_owned(),
    };
    assert_eq!(answer.citations, [cited]);
    assert_eq!(
        (answer.usage.input_tokens, answer.usage.output_tokens),
        (4000, 150)
    );
    // The blocks went back as they came.
    let bodies = scene.fake.messages();
    assert_eq!(bodies[0]["tools"][0]["max_uses"], 3);
    assert_eq!(
        bodies[1]["messages"][1]["content"][2]["content"][0]["encrypted_content"],
        "x"
    );
    // Each attempt has its row, and a search has its price.
    let rows = scene.book.rows()?;
    assert_eq!(rows.len(), 2);
    assert!(
        is_about(rows[0].cost, (1000.0 + 500.0) / 1e6 + 0.01),
        "{rows:?}"
    );
    assert!(is_about(rows[1].cost, (3000.0 + 250.0) / 1e6), "{rows:?}");
    scene.fake.expect_all_valid()
}

#[tokio::test]
async fn a_stream_is_continued_as_well() -> Result<()> {
    let scene = Scene::new(PAUSED).await?;
    let mut said = String::new();
    let answer = scene
        .client
        .stream(materials(), &mut |piece| said.push_str(piece))
        .await?;
    assert_eq!(said, "I look for it.{\"passed\": true, \"level\": 7}");
    assert_eq!((answer.value, answer.searches), (said, found()));
    assert_eq!(answer.citations.len(), 1);
    let continued = &scene.fake.messages()[1]["messages"][1]["content"];
    assert_eq!(continued[1]["input"]["query"], "sets");
    scene.fake.expect_all_valid()
}

#[tokio::test]
async fn a_turn_that_is_paused_for_ever_ends() -> Result<()> {
    let scene = Scene::new(
        "[[entry]]\ncall = \"materials\"\nstop_reason = \"pause_turn\"\n\
         content = '[{\"type\": \"server_tool_use\", \"id\": \"a\", \"name\": \"web_search\", \"input\": {}}]'",
    )
    .await?;
    let error = scene
        .client
        .ask::<Verdict>(materials())
        .await
        .expect_err("it never answers");
    assert_eq!(error.kind(), Kind::Validation);
    assert_eq!((scene.asked(), scene.book.rows()?.len()), (6, 6));
    Ok(())
}

#[tokio::test]
async fn only_results_of_this_call_are_told() -> Result<()> {
    let scene = Scene::new(
        "[[entry]]\ncall = \"materials\"\ncontains = []\n\
         answer = { passed = true, level = 7, url = \"https://invented.example\" }",
    )
    .await?;
    let answer = scene.client.ask::<Verdict>(materials()).await?;
    assert_eq!((answer.searches, answer.citations), (vec![], vec![]));
    Ok(())
}

#[tokio::test]
async fn a_schema_that_does_not_go_with_searches_is_dropped_for_that_call_alone() -> Result<()> {
    let refused = r#"
        [[entry]]
        call = "materials"
        times = 1
        fault = { status = 400, message = "Citations cannot be used with output_config.format" }
        [[entry]]
        call = "materials"
        contains = ["JSON Schema"]
        answer = { passed = true, level = 7 }
        "#;
    let scene = Scene::new(&(refused.to_owned() + GOOD)).await?;
    let answer = scene.client.ask::<Verdict>(materials()).await?;
    assert_eq!(answer.value, verdict());
    scene.client.ask::<Verdict>(review()).await?;
    let bodies = scene.fake.messages();
    let held: Vec<bool> = bodies
        .iter()
        .map(|body| body.get("output_config").is_some())
        .collect();
    assert_eq!(held, [true, false, true]);
    Ok(())
}
