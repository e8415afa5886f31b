//! Files that hold secrets are the human's alone: their text is shown and saved like any other, and
//! reaches neither Claude nor the timeline, which a model reads as well (blueprint §5).

use std::os::unix::fs::symlink;

use anyhow::{Context as _, Result};
use paige_tests::mcp::Era;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

/// Stands in every secret text and nowhere else.
const SECRET: &str = "swordfish";
/// Stands in every text of an ordinary file.
const OPEN: &str = "in the open";

/// Files of every way to be secret: by name, in a folder by its name, by the project's list in two ways,
/// and the list itself.
const SECRETS: [(&str, &str); 5] = [
    (".env", "KEY=swordfish one\n"),
    ("app/.aws/credentials", "key = swordfish two\n"),
    ("plans/next.md", "We sell swordfish three.\n"),
    ("src/prices.json", "{\"swordfish\": 4}\n"),
    (".paigeignore", "# swordfish five\nplans/\nprices.json\n"),
];

fn edit(path: &str, text: &str) -> Value {
    json!({"path": path, "content": text, "cursorPosition": {"line": 1, "column": 1}})
}

/// What a human types into a file: so much that it is put on the timeline as a significant change.
fn typed(path: &str) -> String {
    match path {
        // What it lists must stay listed.
        ".paigeignore" => format!("# typed {SECRET}\nplans/\nprices.json\n"),
        _ => format!("typed {SECRET}\n").repeat(100),
    }
}

/// Claude, to whom nothing secret may be said, in an answer or in a refusal.
struct Stranger(Claude);

impl Stranger {
    /// Calls a tool, and returns whether it refused, and what it answered.
    async fn call(&self, tool: &str, args: Value) -> Result<(bool, Value)> {
        let result = self.0.call_raw(tool, args.clone()).await?;
        // All of it: text for the model, structure and whatever else there is.
        let whole = serde_json::to_string(&result)?;
        assert!(!whole.contains(SECRET), "{tool} {args}: {whole}");
        let content = result.structured_content.context("structured content")?;
        Ok((result.is_error == Some(true), content))
    }

    async fn is_refused(&self, tool: &str, path: &str) -> Result<()> {
        let (refused, answer) = self.call(tool, json!({"path": path})).await?;
        assert!(refused, "{tool} of {path}: {answer}");
        assert_eq!(answer["code"], "FORBIDDEN", "{tool} of {path}");
        let sentence = answer["error"].as_str().unwrap_or_default();
        assert!(sentence.starts_with(path), "{answer}");
        Ok(())
    }

    /// The files that a list in an answer is about.
    async fn files(&self, tool: &str, args: Value, list: &str) -> Result<Vec<String>> {
        let (refused, answer) = self.call(tool, args).await?;
        assert!(!refused, "{tool}: {answer}");
        let entries = answer[list].as_array().context("a list")?;
        // So that what is compared is the real thing, and not an empty answer.
        assert!(answer.to_string().contains(OPEN), "{tool}: {answer}");
        let path = |entry: &Value| entry["path"].as_str().map(str::to_owned);
        Ok(entries.iter().filter_map(path).collect())
    }

    /// Asks for everything that could hold a secret text.
    async fn asks_for_everything(&self) -> Result<()> {
        for (path, _) in SECRETS {
            self.is_refused("paige_get_buffer", path).await?;
            self.is_refused("paige_get_diff", path).await?;
        }
        let state = "paige_get_session_state";
        for (tool, args, list) in [
            ("paige_get_diff", json!({}), "diffs"),
            (state, json!({}), "buffers"),
            (state, json!({}), "diffs"),
            (state, json!({"include": ["buffers"]}), "buffers"),
            (state, json!({"include": ["diffs"]}), "diffs"),
        ] {
            let files = self.files(tool, args, list).await?;
            assert_eq!(files, ["open.txt"], "{tool}, {list}");
        }
        let (_, actions) = self.call(state, json!({"include": ["actions"]})).await?;
        assert_ne!(actions["actions"], json!([]));
        Ok(())
    }
}

#[tokio::test]
async fn the_text_of_a_secret_file_reaches_the_human_and_nobody_else() -> Result<()> {
    let project = Project::with(&SECRETS)?;
    project.write("open.txt", OPEN)?;
    let sidecar = Sidecar::start(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    let (mut other, _) = Socket::hello(&sidecar).await?;
    let strangers = [
        Stranger(Claude::connect(&sidecar, Era::Sessions).await?),
        Stranger(Claude::connect(&sidecar, Era::Stateless).await?),
    ];
    human.request("session:start", json!({})).await?;

    // The human opens, edits and selects them, and another window shows it.
    for (path, text) in SECRETS {
        let opened = human.request("file:open", json!({"path": path})).await?;
        assert_eq!(opened["content"], text, "{path}");
    }
    human
        .send(
            "buffer:update",
            edit("open.txt", &format!("{OPEN}, typed\n")),
        )
        .await?;
    for stranger in &strangers {
        for (path, _) in SECRETS {
            stranger.is_refused("paige_get_buffer", path).await?;
        }
    }
    for (path, _) in SECRETS {
        let typed = typed(path);
        human.send("buffer:update", edit(path, &typed)).await?;
        let shown = other
            .expect_where(path, |frame| {
                frame["type"] == "buffer:update" && frame["payload"]["path"] == path
            })
            .await?;
        assert_eq!(shown["payload"]["content"], typed, "{path}");
        let range = json!({"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 9});
        human
            .send(
                "editor:selection",
                json!({"path": path, "range": range, "selectedText": typed}),
            )
            .await?;
    }
    for stranger in &strangers {
        stranger.asks_for_everything().await?;
    }

    // Claude may lead the human to such a file, and mark places in it, without being told what is there.
    for stranger in &strangers {
        for (path, _) in SECRETS {
            let answer = stranger
                .call("paige_open_file", json!({"path": path}))
                .await?;
            assert_eq!(answer, (false, json!({"success": true, "path": path})));
            let shown = human.expect_push("editor:open_file").await?;
            assert_eq!(shown["payload"]["content"], typed(path), "{path}");
            let range = json!({"start": 1, "end": 1, "style": "info", "hover_text": "Here."});
            let args = json!({"path": path, "ranges": [range]});
            let (refused, answer) = stranger.call("paige_highlight_lines", args).await?;
            assert!(!refused, "{path}: {answer}");
            human.expect_push("editor:highlight_lines").await?;
        }
        stranger.asks_for_everything().await?;
    }

    // Saved, they are as secret as before.
    for (path, _) in SECRETS {
        let save = json!({"path": path, "content": typed(path)});
        human.request("file:save", save).await?;
        assert_eq!(project.read(path)?, typed(path), "{path}");
    }
    for stranger in strangers {
        stranger.asks_for_everything().await?;
        stranger.0.close().await?;
    }

    // A stop writes down all that was observed.
    sidecar.stop()?;
    let record = Record::of(&project)?;
    let rows = record.rows("SELECT * FROM action_log ORDER BY id", [])?;
    for row in &rows {
        assert!(!row.to_string().contains(SECRET), "{row}");
    }
    for (path, _) in SECRETS {
        for kind in [
            "file_open",
            "file_save",
            "editor_selection",
            "decorations_applied",
        ] {
            let told = record.actions(kind)?;
            assert!(
                told.iter().any(|entry| entry["data"]["path"] == path),
                "{kind} of {path} in {told:?}"
            );
        }
    }
    let log = Sidecar::log(&project)?;
    assert!(!log.contains(SECRET), "{log}");
    Ok(())
}

/// Neither a link to a secret file nor another way to write its path is a way around that.
#[tokio::test]
async fn a_secret_file_has_no_other_name_under_which_it_is_told() -> Result<()> {
    let project = Project::with(&SECRETS)?;
    project.write("open.txt", OPEN)?;
    for (target, link) in [
        (".env", "settings.txt"),
        ("settings.txt", "chain.txt"),
        ("plans", "ideas"),
        ("../src/prices.json", "app/list.txt"),
    ] {
        symlink(target, project.root.join(link))?;
    }
    let linked = ["settings.txt", "chain.txt", "ideas/next.md", "app/list.txt"];
    let sidecar = Sidecar::start(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    let claude = Stranger(Claude::connect(&sidecar, Era::Sessions).await?);
    human.request("session:start", json!({})).await?;
    human.request("file:open", json!({"path": ".env"})).await?;
    for path in ["./.env", ".//.env", "plans/./next.md", ".ENV"] {
        let (refused, answer) = claude
            .call("paige_get_buffer", json!({"path": path}))
            .await?;
        assert!(refused && answer["code"] == "FORBIDDEN", "{path}: {answer}");
    }

    for path in linked {
        let opened = human.request("file:open", json!({"path": path})).await?;
        let text = opened["content"].as_str().unwrap_or_default();
        assert!(text.contains(SECRET), "{path}: {opened}");
        claude.is_refused("paige_get_buffer", path).await?;
        human
            .send("buffer:update", edit(path, &typed(path)))
            .await?;
    }
    human
        .send(
            "buffer:update",
            edit("open.txt", &format!("{OPEN}, typed\n")),
        )
        .await?;
    human
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    for path in linked {
        claude.is_refused("paige_get_buffer", path).await?;
        claude.is_refused("paige_get_diff", path).await?;
    }
    claude.asks_for_everything().await?;
    claude.0.close().await
}

/// A list that is changed holds from the next question on, in both directions.
#[tokio::test]
async fn the_list_of_secret_files_holds_as_soon_as_it_is_saved() -> Result<()> {
    let project = Project::with(&[("notes.md", "swordfish\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    human.request("session:start", json!({})).await?;
    let notes = json!({"path": "notes.md"});
    human.request("file:open", notes.clone()).await?;
    for (list, is_secret) in [("", false), ("*.md\n", true), ("*.txt\n", false)] {
        let save = json!({"path": ".paigeignore", "content": list});
        human.request("file:save", save).await?;
        let answer = claude.call_raw("paige_get_buffer", notes.clone()).await?;
        assert_eq!(
            answer.is_error == Some(true),
            is_secret,
            "{list:?}: {answer:?}"
        );
        let told = serde_json::to_string(&answer)?.contains(SECRET);
        assert_eq!(told, !is_secret, "{list:?}");
    }
    claude.close().await
}
