//! Nudges in the real Claude Code CLI as a person works in it: in a terminal, started by
//! `paige-sidecar run`. The model is scripted.

use std::time::Duration;

use anyhow::{Context as _, Result};
use paige_pty::Config;
use paige_tests::claude_code::Turn;
use paige_tests::terminal::command;
use paige_tests::{ClaudeCode, Conversation, Desk, Person, Project};
use serde_json::json;

use crate::run::words;

const NUDGE: &str =
    r#"[PAIGE_OBSERVER] {"signal":"wrong_file","confidence":0.9,"context":{"file":"größe.rs"}}"#;
/// Longer than what counts as quiet here.
const A_WHILE: Duration = Duration::from_millis(1500);

/// Claude Code at its prompt, and what it is connected to.
struct Scene {
    person: Person,
    model: Conversation,
    desk: Desk,
    project: Project,
    _claude: ClaudeCode,
}

impl Scene {
    async fn start(turns: Vec<Turn>) -> Result<Option<Self>> {
        let project = Project::empty()?;
        let Some(claude) = ClaudeCode::prepare(&project.root)? else {
            return Ok(None);
        };
        let model = Conversation::start(turns).await?;
        let desk = Desk::open(&project).await?;
        let mut environment = claude.environment(&model.url());
        environment.push(("DATA_DIR", project.data.as_os_str().to_owned()));
        let program = claude.program().to_str().context("a path in UTF-8")?;
        let command = command(&project.root, &words(&[program]), &environment);
        let mut person = Person::start(&command, Config::default())?;
        person.until("its prompt", is_ready)?;
        desk.hello(1).await?;
        Ok(Some(Self {
            person,
            model,
            desk,
            project,
            _claude: claude,
        }))
    }

    fn nudge(&self, seconds: f64) -> Result<()> {
        self.desk.nudge(NUDGE, seconds, &json!({}))
    }

    /// Waits until the model has heard these from the person, and no others.
    fn until_heard(&mut self, expected: &[&str]) -> Result<()> {
        let model = &self.model;
        self.person.until("the model hears it", |_| {
            model.heard().len() >= expected.len()
        })?;
        let heard = self.model.heard();
        let all = heard.len() == expected.len()
            && heard
                .iter()
                .zip(expected)
                .all(|(heard, expected)| heard.contains(expected));
        anyhow::ensure!(all, "the model has heard {heard:?}, not {expected:?}");
        Ok(())
    }
}

fn is_ready(person: &Person) -> bool {
    let screen = person.screen();
    screen.contains("? for shortcuts") && !screen.contains("esc to interrupt")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_prompt_takes_a_nudge_and_sends_it_with_claude_code() -> Result<()> {
    let turns = vec![Turn::says(
        "PAIGE_OBSERVER",
        "Shall we look at the right file?",
    )];
    let Some(mut scene) = Scene::start(turns).await? else {
        return Ok(());
    };
    scene.nudge(30.0)?;
    scene.until_heard(&[NUDGE])?;
    scene
        .person
        .until_screen("Shall we look at the right file?")?;
    // And once more, of a length that it folds up.
    scene.person.until("its prompt", is_ready)?;
    let long = format!(
        "[PAIGE_OBSERVER] {{\"context\":\"{}\"}}",
        "many words ".repeat(200)
    );
    scene.desk.nudge(&long, 30.0, &json!({}))?;
    scene.until_heard(&[NUDGE, &long])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_typed_line_is_kept_with_claude_code() -> Result<()> {
    let Some(mut scene) = Scene::start(Vec::new()).await? else {
        return Ok(());
    };
    scene.person.types("why does grö");
    scene.person.until_screen("why does grö")?;
    scene.nudge(30.0)?;
    scene.person.never_screen("PAIGE_OBSERVER", A_WHILE)?;
    scene.person.types("ße fail?");
    scene.person.until_screen("why does größe fail?")?;
    // A terminal sends Enter as a key of its own.
    scene.person.types("\r");
    scene.until_heard(&["why does größe fail?"])?;
    scene.until_heard(&["why does größe fail?", NUDGE])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_typed_while_claude_code_works_with_claude_code() -> Result<()> {
    let turns = vec![Turn::says("think long", "I have thought.").held()];
    let Some(mut scene) = Scene::start(turns).await? else {
        return Ok(());
    };
    scene.person.types("think long");
    scene.person.until_screen("think long")?;
    scene.person.types("\r");
    scene.until_heard(&["think long"])?;
    scene.person.until_screen("esc to interrupt")?;
    scene.nudge(30.0)?;
    scene.person.never_screen("PAIGE_OBSERVER", A_WHILE)?;
    scene.model.release();
    scene.person.until_screen("I have thought.")?;
    scene.until_heard(&["think long", NUDGE])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_typed_while_it_asks_for_permission_with_claude_code() -> Result<()> {
    let input = json!({"command": "touch made", "description": "Makes a file"});
    let turns = vec![Turn::uses("make it", "Bash", &input)];
    let Some(mut scene) = Scene::start(turns).await? else {
        return Ok(());
    };
    scene.person.types("make it");
    scene.person.until_screen("make it")?;
    scene.person.types("\r");
    scene.person.until_screen("Do you want to proceed?")?;
    scene.nudge(30.0)?;
    scene.person.never_screen("PAIGE_OBSERVER", A_WHILE)?;
    assert!(scene.person.screen().contains("Do you want to proceed?"));
    assert!(
        !scene.project.root.join("made").exists(),
        "the question was answered"
    );
    // The person says no; then there is a prompt again.
    scene.person.types("\x1b");
    scene.person.until("its prompt", is_ready)?;
    assert!(!scene.project.root.join("made").exists());
    // Esc may have put anything into the line, so that it takes an Enter or Ctrl-C of the person.
    scene.person.types("\x03");
    scene.until_heard(&["make it", NUDGE])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_nudge_is_not_typed_with_claude_code() -> Result<()> {
    let Some(mut scene) = Scene::start(Vec::new()).await? else {
        return Ok(());
    };
    scene.nudge(-1.0)?;
    scene.person.types("half");
    scene.person.until_screen("half")?;
    scene.nudge(0.8)?;
    scene.person.never_screen("PAIGE_OBSERVER", A_WHILE)?;
    scene.person.types("\r");
    scene.until_heard(&["half"])?;
    scene.person.until("its prompt", is_ready)?;
    scene.person.never_screen("PAIGE_OBSERVER", A_WHILE)?;
    scene.until_heard(&["half"])
}
