//! Each tool, in each era.

use std::sync::Arc;

use expect_test::{expect, expect_file};
use paige_protocol::{ProjectPath, coach::files::CursorPosition};
use paige_store::coach::actions;
use rmcp::{
    ServiceError,
    model::{CallToolRequestParams, CallToolResult, ClientRequest, CustomRequest, ErrorCode},
};
use serde_json::{Value, json};

use crate::scene::{Client, Era, Scene};

async fn call(client: &Client, tool: &'static str, args: Value) -> CallToolResult {
    try_call(client, tool, args).await.expect("an answer")
}

async fn try_call(
    client: &Client,
    tool: &'static str,
    args: Value,
) -> Result<CallToolResult, ServiceError> {
    let mut params = CallToolRequestParams::new(tool);
    if let Value::Object(args) = args {
        params = params.with_arguments(args);
    }
    client.call_tool(params).await
}

fn text(result: &CallToolResult) -> &str {
    assert_eq!(result.content.len(), 1);
    &result.content[0].as_text().expect("text").text
}

/// What is told in structure, when it is the same as what is told in text.
fn told(result: &CallToolResult) -> Value {
    let structured = result.structured_content.clone().expect("a structure");
    let same: Value = serde_json::from_str(text(result)).expect("JSON");
    assert_eq!(same, structured);
    structured
}

fn edit(scene: &Scene, path: &str, content: &str) {
    let path = ProjectPath::parse(path).expect("a path");
    let cursor = CursorPosition { line: 3, column: 1 };
    scene
        .coach
        .buffer_updated(&path, &Arc::from(content), cursor)
        .expect("an edit");
}

/// Times and the project's folder differ from run to run.
fn masked(value: &Value, scene: &Scene) -> String {
    fn mask(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    if key.ends_with("At") || key == "lastUpdated" {
                        if value.is_string() {
                            *value = "TIME".into();
                        }
                    } else {
                        mask(value);
                    }
                }
            }
            Value::Array(list) => list.iter_mut().for_each(mask),
            _ => {}
        }
    }
    let mut value = value.clone();
    mask(&mut value);
    value.to_string().replace(&scene.project_dir(), "PROJECT")
}

/// Calls every tool as a session would.
async fn walk(era: Era) -> String {
    let scene = Scene::new().await;
    let client = scene.client(era).await;
    let project_dir = scene.project_dir();
    let mut story = String::new();
    let mut tell = |tool: &str, value: &Value| {
        story += &format!("{tool}: {}\n", masked(value, &scene));
    };
    let none = || json!({});
    for (tool, args) in [
        ("paige_get_active_session", none()),
        (
            "paige_start_session",
            json!({"project_dir": project_dir, "issue_number": 4, "issue_title": "Greet by name"}),
        ),
        ("paige_get_active_session", none()),
        ("paige_open_file", json!({"path": "src/app.py"})),
        ("paige_open_file", json!({"path": "src/util.py"})),
        ("paige_get_open_files", none()),
        ("paige_get_diff", none()),
    ] {
        tell(tool, &told(&call(&client, tool, args).await));
    }
    edit(
        &scene,
        "src/app.py",
        "import sys\n\nprint('hello', sys.argv)\n",
    );
    edit(&scene, "src/new.py", "new = True\n");
    for (tool, args) in [
        ("paige_get_buffer", json!({"path": "src/app.py"})),
        ("paige_get_diff", json!({"path": "src/app.py"})),
        ("paige_get_diff", none()),
        (
            "paige_highlight_lines",
            json!({"path": "src/app.py", "rung": 1, "ranges": [
                {"start": 3, "end": 3, "style": "hint", "hover_text": "What is in it?"},
            ]}),
        ),
        ("paige_clear_highlights", json!({"path": "src/app.py"})),
        ("paige_clear_highlights", none()),
        (
            "paige_hint_files",
            json!({"paths": ["src/util.py"], "style": "suggested"}),
        ),
        ("paige_clear_hints", none()),
        (
            "paige_show_message",
            json!({"message": "Nice.", "type": "success", "anchor": {"path": "src/app.py", "start_line": 3, "end_line": 3}}),
        ),
        (
            "paige_show_issue_context",
            json!({"title": "Greet by name", "summary": "Say whom.", "number": 4, "labels": [{"name": "easy"}]}),
        ),
        (
            "paige_get_session_state",
            json!({"include": ["phase", "diffs"]}),
        ),
    ] {
        tell(tool, &told(&call(&client, tool, args).await));
    }

    // Without a buffer the text is `null`, which is not what is told in structure.
    let nothing = call(&client, "paige_get_buffer", json!({"path": "src/util2.py"})).await;
    assert_eq!(text(&nothing), "null");
    tell(
        "paige_get_buffer",
        &nothing.structured_content.expect("a structure"),
    );

    let state = told(&call(&client, "paige_get_session_state", none()).await);
    let items: Vec<_> = state.as_object().expect("items").keys().collect();
    tell("paige_get_session_state", &json!(items));

    let ended = told(&call(&client, "paige_end_session", none()).await);
    tell("paige_end_session", &ended);
    client.cancel().await.expect("ended");
    story
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_answers_the_same_in_each_era() {
    let story = walk(Era::Sessions).await;
    expect![[r#"
        paige_get_active_session: {"session":null}
        paige_start_session: {"session":{"endedAt":null,"id":1,"issueNumber":4,"issueTitle":"Greet by name","projectDir":"PROJECT","startedAt":"TIME","status":"active"},"success":true}
        paige_get_active_session: {"session":{"endedAt":null,"id":1,"issueNumber":4,"issueTitle":"Greet by name","projectDir":"PROJECT","startedAt":"TIME","status":"active"}}
        paige_open_file: {"path":"src/app.py","success":true}
        paige_open_file: {"path":"src/util.py","success":true}
        paige_get_open_files: {"files":["src/app.py","src/util.py"],"paths":["src/app.py","src/util.py"]}
        paige_get_diff: {"diffs":[]}
        paige_get_buffer: {"content":"import sys\n\nprint('hello', sys.argv)\n","cursorPosition":{"column":1,"line":3},"dirty":true,"lastUpdated":"TIME","path":"src/app.py"}
        paige_get_diff: {"diffs":[{"diff":"diff --git a/src/app.py b/src/app.py\n--- a/src/app.py\n+++ b/src/app.py\n@@ -1,3 +1,3 @@\n import sys\n \n-print('hello')\n+print('hello', sys.argv)\n","path":"src/app.py"}]}
        paige_get_diff: {"diffs":[{"diff":"diff --git a/src/app.py b/src/app.py\n--- a/src/app.py\n+++ b/src/app.py\n@@ -1,3 +1,3 @@\n import sys\n \n-print('hello')\n+print('hello', sys.argv)\n","path":"src/app.py"},{"diff":"diff --git a/src/new.py b/src/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/src/new.py\n@@ -0,0 +1 @@\n+new = True\n","path":"src/new.py"}]}
        paige_highlight_lines: {"success":true}
        paige_clear_highlights: {"success":true}
        paige_clear_highlights: {"success":true}
        paige_hint_files: {"success":true}
        paige_clear_hints: {"success":true}
        paige_show_message: {"success":true}
        paige_show_issue_context: {"success":true}
        paige_get_session_state: {"diffs":[{"diff":"diff --git a/src/app.py b/src/app.py\n--- a/src/app.py\n+++ b/src/app.py\n@@ -1,3 +1,3 @@\n import sys\n \n-print('hello')\n+print('hello', sys.argv)\n","path":"src/app.py"},{"diff":"diff --git a/src/new.py b/src/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/src/new.py\n@@ -0,0 +1 @@\n+new = True\n","path":"src/new.py"}],"phase":null}
        paige_get_buffer: {"content":null,"cursorPosition":null,"dirty":false,"lastUpdated":null,"path":"src/util2.py"}
        paige_get_session_state: ["actions","buffers","diffs","dreyfus","gaps","hints","katas","openFiles","phase","plan","progress","session"]
        paige_end_session: {"assessmentsUpdated":0,"errors":[],"gapsIdentified":0,"katasGenerated":0,"memoriesAdded":0,"sessionId":1,"status":"completed","success":true}
    "#]].assert_eq(&story);
    assert_eq!(walk(Era::Stateless).await, story);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tools_are_told_with_schemas_and_annotations() {
    let scene = Scene::new().await;
    let mut lists = Vec::new();
    for era in [Era::Sessions, Era::Stateless] {
        let client = scene.client(era).await;
        let info = client.peer_info().expect("the server's own");
        assert_eq!(info.server_info.as_ref().expect("a name").name, "paige");
        assert!(info.capabilities.tools.is_some() && info.capabilities.prompts.is_none());
        let instructions = info.instructions.clone().expect("instructions");
        assert!(
            instructions.contains("the human holds the pen"),
            "{instructions}"
        );
        lists.push(client.list_all_tools().await.expect("a list"));
    }
    assert_eq!(lists[0], lists[1]);
    let list = serde_json::to_string_pretty(&lists[0]).expect("JSON");
    expect_file!["tools.json"].assert_eq(&(list + "\n"));
    for tool in &lists[0] {
        let schema = tool.input_schema.as_ref();
        assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
        let about = tool.description.as_deref().expect("a description");
        assert!(about.ends_with('.'), "{about}");
        assert!(!about.contains("  "), "{about}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_an_answer_with_a_code_and_a_sentence() {
    let scene = Scene::new().await;
    for era in [Era::Sessions, Era::Stateless] {
        let client = scene.client(era).await;
        let check = async |tool, args: Value, code: &str, part: &str| {
            let result = call(&client, tool, args).await;
            assert_eq!(result.is_error, Some(true), "{tool}");
            let error = told(&result);
            assert_eq!(error["code"], code, "{tool}: {error}");
            let sentence = error["error"].as_str().expect("a sentence");
            assert!(
                sentence.contains(part) && sentence.ends_with('.'),
                "{sentence}"
            );
            error
        };
        let dir = || json!({"project_dir": scene.project_dir()});
        let without = "There is no active coaching session";
        for (tool, args) in [
            ("paige_end_session", json!({})),
            ("paige_get_buffer", json!({"path": "src/app.py"})),
            ("paige_get_open_files", json!({})),
            ("paige_get_diff", json!({})),
            (
                "paige_update_phase",
                json!({"phase": 1, "status": "active"}),
            ),
            (
                "paige_record_review",
                json!({"passed": true, "feedback": "Good."}),
            ),
            ("paige_get_session_state", json!({})),
            ("paige_open_file", json!({"path": "src/app.py"})),
            (
                "paige_highlight_lines",
                json!({"path": "src/app.py", "ranges": [{"start": 1, "end": 1, "style": "info"}]}),
            ),
            ("paige_clear_highlights", json!({})),
            (
                "paige_hint_files",
                json!({"paths": ["src/app.py"], "style": "warning"}),
            ),
            ("paige_clear_hints", json!({})),
            (
                "paige_show_message",
                json!({"message": "Hi.", "type": "info"}),
            ),
            (
                "paige_show_issue_context",
                json!({"title": "t", "summary": "s"}),
            ),
        ] {
            check(tool, args, "NO_ACTIVE_SESSION", without).await;
        }
        check(
            "paige_start_session",
            json!({"project_dir": "/"}),
            "PROJECT_MISMATCH",
            &scene.project_dir(),
        )
        .await;

        let started = told(&call(&client, "paige_start_session", dir()).await);
        let error = check(
            "paige_start_session",
            dir(),
            "ACTIVE_SESSION_EXISTS",
            "force",
        )
        .await;
        assert_eq!(error["sessionId"], started["session"]["id"]);

        let path = |path: &str| json!({"path": path});
        check("paige_get_buffer", path("../x"), "PATH_REFUSED", "..").await;
        check(
            "paige_get_diff",
            path("/etc/passwd"),
            "PATH_REFUSED",
            "/etc",
        )
        .await;
        check(
            "paige_open_file",
            path("src/none.py"),
            "FILE_NOT_FOUND",
            "none.py",
        )
        .await;
        check("paige_open_file", path("src"), "NOT_A_FILE", "src").await;
        check(
            "paige_open_file",
            path("src/logo.png"),
            "NOT_TEXT",
            "logo.png",
        )
        .await;
        let lines = |start, end| json!({"path": "src/app.py", "ranges": [{"start": start, "end": end, "style": "info"}]});
        check(
            "paige_highlight_lines",
            lines(0, 1),
            "INVALID_ARGUMENT",
            "count from 1",
        )
        .await;
        check(
            "paige_highlight_lines",
            lines(2, 1),
            "INVALID_ARGUMENT",
            "no range",
        )
        .await;
        check(
            "paige_show_message",
            json!({"message": "Hi.", "type": "info", "rung": 5}),
            "INVALID_ARGUMENT",
            "no rung 5",
        )
        .await;

        // Arguments that do not fit the schema.
        for (tool, args, part) in [
            (
                "paige_get_session_state",
                json!({"include": ["weather"]}),
                "`include[0]`",
            ),
            ("paige_get_buffer", json!({}), "missing field `path`"),
            (
                "paige_get_open_files",
                json!({"sort": true}),
                "unknown field `sort`",
            ),
            (
                "paige_get_diff",
                json!({"since": "yesterday"}),
                "`since`: unknown variant",
            ),
            (
                "paige_start_session",
                json!({"project_dir": 1}),
                "`project_dir`",
            ),
            (
                "paige_show_message",
                json!({"message": "m", "type": "loud"}),
                "unknown variant `loud`",
            ),
            (
                "paige_hint_files",
                json!({"paths": "a", "style": "warning"}),
                "`paths`",
            ),
        ] {
            check(tool, args, "INVALID_ARGUMENT", part).await;
        }
        call(&client, "paige_end_session", json!({})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_protocol_error() {
    let scene = Scene::new().await;
    for era in [Era::Sessions, Era::Stateless] {
        let client = scene.client(era).await;
        let code = |error: ServiceError| match error {
            ServiceError::McpError(error) => error.code,
            other => panic!("{other}"),
        };
        let unknown = try_call(&client, "paige_write_file", json!({"path": "a"})).await;
        assert_eq!(
            code(unknown.expect_err("no such tool")),
            ErrorCode::INVALID_PARAMS
        );
        let custom = client
            .send_request(ClientRequest::CustomRequest(CustomRequest::new(
                "paige/write",
                None,
            )))
            .await;
        assert_eq!(
            code(custom.expect_err("no such method")),
            ErrorCode::METHOD_NOT_FOUND
        );
    }
}

/// Every call, however it ends (spec: story 6, "All tool calls are logged").
#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_on_the_timeline() {
    let scene = Scene::new().await;
    let client = scene.client(Era::Sessions).await;
    let dir = scene.project_dir();
    call(&client, "paige_start_session", json!({"project_dir": dir})).await;
    call(&client, "paige_open_file", json!({"path": "src/none.py"})).await;
    call(&client, "paige_get_buffer", json!({"road": "src/app.py"})).await;
    try_call(&client, "paige_write_file", json!({"path": "a"}))
        .await
        .expect_err("no such tool");
    let client = scene.client(Era::Stateless).await;
    call(&client, "paige_get_open_files", json!({})).await;

    scene.store.observed().await;
    let session = scene.coach.active_session_id();
    let rows = scene
        .store
        .read(|reader| actions::recent(reader, session, 20))
        .expect("rows");
    let calls: Vec<Value> = rows
        .iter()
        .rev()
        .filter(|row| row.kind == "mcp_tool_call")
        .map(|row| serde_json::from_str(row.data.as_deref().expect("data")).expect("JSON"))
        .collect();
    let brief: Vec<_> = calls
        .iter()
        .map(|call| json!([call["toolName"], call["args"], call["outcome"]]))
        .collect();
    assert_eq!(
        brief,
        [
            json!([
                "paige_start_session",
                json!({"project_dir": dir}).to_string(),
                "ok"
            ]),
            json!([
                "paige_open_file",
                r#"{"path":"src/none.py"}"#,
                "FILE_NOT_FOUND"
            ]),
            json!([
                "paige_get_buffer",
                r#"{"road":"src/app.py"}"#,
                "INVALID_ARGUMENT"
            ]),
            json!(["paige_write_file", r#"{"path":"a"}"#, "NOT_FOUND"]),
            json!(["paige_get_open_files", "{}", "ok"]),
        ]
    );
    let mut ids: Vec<_> = calls
        .iter()
        .map(|call| call["callId"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), calls.len());
    assert!(
        calls
            .iter()
            .all(|call| call["durationMs"].as_f64() > Some(0.0))
    );
}
