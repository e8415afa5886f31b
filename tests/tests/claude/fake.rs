//! The fake itself: it refuses what the API would refuse, and names what it cannot play.

use anyhow::Result;
use paige_claude::Tier;
use paige_tests::Fake;
use paige_tests::anthropic::KEY;
use serde_json::{Value, json};

/// A request that is right.
fn good() -> Value {
    json!({
        "model": "claude-opus-4-6",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "<issue>i</issue> <plan_text>p</plan_text> <stage>s</stage> <dreyfus_assessments>d</dreyfus_assessments> <relevant_memories></relevant_memories> <project_files></project_files>"}],
        "output_config": {"format": {"type": "json_schema", "schema": {
            "type": "object",
            "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "required": ["a"],
            "additionalProperties": false,
        }}},
    })
}

async fn post(fake: &Fake, body: &Value, header: Option<(&str, &str)>) -> Result<(u16, Value)> {
    let headers = [
        ("x-api-key", KEY),
        ("anthropic-version", "2023-06-01"),
        ("x-paige-call-type", "coach_agent"),
    ];
    let mut request = reqwest::Client::new()
        .post(format!("{}/v1/messages", fake.url()))
        .json(body);
    for (name, value) in headers {
        let value = header
            .filter(|(changed, _)| *changed == name)
            .map_or(value, |(_, value)| value);
        request = request.header(name, value);
    }
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

#[tokio::test]
async fn a_good_request_is_answered() -> Result<()> {
    let fake = Fake::start("[[entry]]\ncall = \"coach_agent\"\nanswer = { a = \"b\" }").await?;
    let (status, answer) = post(&fake, &good(), None).await?;
    assert_eq!(
        (status, &answer["content"][0]["text"]),
        (200, &json!("{\"a\":\"b\"}")),
        "{answer}"
    );
    fake.expect_all_valid()
}

#[tokio::test]
async fn what_the_api_refuses_is_refused() -> Result<()> {
    let fake = Fake::start("[[entry]]\ncall = \"coach_agent\"\nanswer = { a = \"b\" }").await?;
    let schema = "/output_config/format/schema";
    let changes: [(&str, Value, &str); 15] = [
        ("/model", json!("claude-poem"), "claude-poem is not known"),
        (
            "/model",
            json!("claude-haiku-4-5-20251001"),
            "is a call for claude-opus-4-6",
        ),
        ("/max_tokens", json!(0), "max_tokens"),
        (
            "/tool_choice",
            json!({"type": "tool", "name": "x"}),
            "forced tool use",
        ),
        ("/messages", json!([]), "at least one message"),
        (
            "/messages/1",
            json!({"role": "assistant", "content": "{"}),
            "prefill",
        ),
        ("/messages/0/role", json!("assistant"), "first message"),
        ("/messages/0/content", json!(""), "non-empty content"),
        (
            "/messages/0/content",
            json!("<plan>p</plan>"),
            "lacks the field <issue>",
        ),
        (
            &format!("{schema}/$ref"),
            json!("#"),
            "'$ref' is not supported",
        ),
        (
            &format!("{schema}/additionalProperties"),
            json!(true),
            "additionalProperties",
        ),
        (
            &format!("{schema}/properties/a/minLength"),
            json!(1),
            "'minLength' is not supported",
        ),
        (
            &format!("{schema}/properties/b"),
            json!({"type": "string"}),
            "'b' is not required",
        ),
        (
            &format!("{schema}/properties/a/anyOf/0"),
            json!({"type": "object", "properties": {}}),
            "additionalProperties",
        ),
        (
            &format!("{schema}/type"),
            json!("array"),
            "the root must be an object",
        ),
    ];
    for (pointer, value, says) in changes {
        let mut body = good();
        let (parent, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
        match body.pointer_mut(parent) {
            Some(Value::Array(list)) => {
                list.truncate(name.parse()?);
                list.push(value);
            }
            Some(parent) => parent[name] = value,
            None => anyhow::bail!("{pointer} is not there"),
        }
        let (status, answer) = post(&fake, &body, None).await?;
        let told = answer["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(
            (status, answer["error"]["type"].as_str()),
            (400, Some("invalid_request_error")),
            "{pointer}"
        );
        assert!(told.contains(says), "{pointer}: {told}");
    }
    for (header, status) in [
        (("x-api-key", "no"), 401),
        (("anthropic-version", "1"), 400),
    ] {
        assert_eq!(post(&fake, &good(), Some(header)).await?.0, status);
    }
    let refused = fake
        .requests()
        .iter()
        .filter(|recorded| recorded.refused.is_some())
        .count();
    assert_eq!(refused, 17);
    assert!(fake.expect_all_valid().is_err());
    Ok(())
}

#[tokio::test]
async fn what_is_not_in_the_scenario_is_named() -> Result<()> {
    let fake = Fake::start(
        "[[entry]]\ncall = \"coach_agent\"\ncontains = [\"pears\"]\nanswer = { a = \"b\" }",
    )
    .await?;
    let (status, answer) = post(&fake, &good(), None).await?;
    assert_eq!(status, 400);
    let told = answer["error"]["message"].to_string();
    assert!(
        told.contains("coach_agent") && told.contains("pears"),
        "{told}"
    );
    fake.first("[[entry]]\ncall = \"coach_agent\"\ntext = \"now\"")?;
    assert_eq!(post(&fake, &good(), None).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn a_test_says_what_its_calls_need() -> Result<()> {
    let fake = Fake::start("[[entry]]\ncall = \"my_call\"\ntext = \"ok\"").await?;
    fake.expect("my_call", Tier::Sonnet, &["thing"]);
    let header = Some(("x-paige-call-type", "my_call"));
    let (status, answer) = post(&fake, &good(), header).await?;
    assert_eq!(status, 400);
    assert!(
        answer["error"]["message"].to_string().contains("<thing>"),
        "{answer}"
    );
    // What the system says about a field is not the field.
    let mut body = good();
    body["system"] = "In <thing></thing> is a thing.".into();
    assert_eq!(post(&fake, &body, header).await?.0, 400);
    body["messages"][0]["content"] = "<thing kind=\"a\">x</thing>".into();
    assert_eq!(post(&fake, &body, header).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn a_call_of_a_tool_without_its_result_is_refused() -> Result<()> {
    let fake = Fake::start("[[entry]]\ncall = \"my_call\"\ntext = \"ok\"").await?;
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "look", "input": {}});
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "x"});
    let text = json!({"type": "text", "text": "x"});
    let tool = json!({"name": "look", "description": "Looks.", "input_schema": {
        "type": "object", "properties": {}, "required": [], "additionalProperties": false,
    }});
    let unnamed = json!({"name": "a b", "description": "x", "input_schema": {"type": "object"}});
    let open = json!({"name": "look", "description": "x", "input_schema": {"type": "array"}});
    let cases = [
        (json!([result("1")]), json!([tool]), ""),
        (json!([result("1"), text]), json!([tool]), ""),
        (
            json!([text]),
            json!([tool]),
            "without `tool_result` blocks immediately after",
        ),
        (
            json!([result("2")]),
            json!([tool]),
            "unexpected `tool_use_id`",
        ),
        (
            json!([result("1"), result("1")]),
            json!([tool]),
            "a single result",
        ),
        (json!([text, result("1")]), json!([tool]), "must come first"),
        (json!([result("1")]), Value::Null, "tools: "),
        (json!([result("1")]), json!([tool, tool]), "must be unique"),
        (json!([result("1")]), json!([unnamed]), "custom.name"),
        (json!([result("1")]), json!([open]), "input_schema.type"),
    ];
    for (answers, tools, says) in cases {
        let mut body = json!({
            "model": "claude-opus-4-6",
            "max_tokens": 100,
            "messages": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": [call("1")]},
                {"role": "user", "content": answers},
            ],
        });
        if !tools.is_null() {
            body["tools"] = tools;
        }
        let header = Some(("x-paige-call-type", "my_call"));
        let (status, answer) = post(&fake, &body, header).await?;
        let told = answer["error"]["message"].as_str().unwrap_or_default();
        let wanted = if says.is_empty() { 200 } else { 400 };
        assert!(status == wanted && told.contains(says), "{body}: {told}");
    }
    Ok(())
}
