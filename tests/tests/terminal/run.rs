//! `paige-sidecar run`, before a person and in a pipe.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use paige_pty::{Config, Exit, Size};
use paige_tests::sidecar::{PATIENCE, binary};
use paige_tests::terminal::command;
use paige_tests::{Desk, Person, Project, Record, Sidecar, Socket};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

/// Longer than what counts as quiet here.
const A_WHILE: Duration = Duration::from_millis(900);

/// The words that run a program, with short waits.
pub(crate) fn words<'a>(program: &[&'a str]) -> Vec<&'a str> {
    let binary = binary().to_str().unwrap_or_default();
    let run = [
        "run", "--quiet", "0.3", "--still", "0.4", "--prompt", "^say> $", "--",
    ];
    let words = [binary].into_iter().chain(run);
    words.chain(program.iter().copied()).collect()
}

/// A person who runs a program by `paige-sidecar run` in a project.
fn runs(project: &Project, program: &[&str]) -> Result<Person> {
    let environment = [("DATA_DIR", project.data.as_os_str().to_owned())];
    let command = command(&project.root, &words(program), &environment);
    Person::start(&command, Config::default())
}

/// `run` as a program in a pipe has it.
fn piped(project: &Project, program: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(["run", "--"])
        .args(program)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DATA_DIR", &project.data)
        .current_dir(&project.root)
        .stdin(Stdio::null());
    command
}

fn full_screen() -> [&'static str; 1] {
    [env!("CARGO_BIN_EXE_full_screen")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nudge_of_the_sidecar_is_typed_and_what_is_not_for_here_is_not() -> Result<()> {
    let project = Project::empty()?;
    let desk = Desk::open(&project).await?;
    let mut person = runs(&project, &full_screen())?;
    person.until_screen("say>")?;
    let hello = desk.hello(1).await?;
    assert_eq!(hello["protocolVersion"], paige_protocol::PROTOCOL_VERSION);
    desk.nudge("for another", 30.0, &json!({"deliver": false}))?;
    desk.nudge("of a recording", 30.0, &json!({"replay": true}))?;
    desk.nudge("too late", -1.0, &json!({}))?;
    desk.nudge("\u{1b}[201~steers", 30.0, &json!({}))?;
    let line = r#"[PAIGE_OBSERVER] {"größe":"世"}"#;
    desk.nudge(line, 30.0, &json!({}))?;
    person.until_screen(&format!("sent <{line}>"))?;
    let screen = person.screen();
    assert_eq!(screen.matches("sent <").count(), 1, "{screen}");

    // Half typed: it waits for the person's own Enter.
    person.types("mine");
    person.until_screen("say> mine")?;
    desk.nudge("second", 30.0, &json!({}))?;
    person.never_screen("second", A_WHILE)?;
    person.types("\r");
    person.until_screen("sent <mine>\nsent <second>")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sidecar_that_comes_later_or_again_is_found() -> Result<()> {
    let project = Project::empty()?;
    let mut person = runs(&project, &full_screen())?;
    person.until_screen("say>")?;
    assert!(
        person.shown().contains("No sidecar runs on"),
        "{}",
        person.shown()
    );
    for turn in ["first", "again"] {
        let desk = Desk::open(&project).await?;
        desk.hello(1).await?;
        desk.nudge(turn, 30.0, &json!({}))?;
        person.until_screen(&format!("sent <{turn}>"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_outside_of_the_project_is_not_watched() -> Result<()> {
    let project = Project::empty()?;
    let desk = Desk::open(&project).await?;
    let environment = [("DATA_DIR", project.data.as_os_str().to_owned())];
    let words = words(&["sh", "-c", "echo ran"]);
    let outside = command(project.outside(), &words, &environment);
    let mut person = Person::start(&outside, Config::default())?;
    assert_eq!(person.until_ended()?, Exit::Code(0));
    let shown = person.shown();
    assert!(
        shown.contains("this folder is not in it") && shown.contains("ran"),
        "{shown}"
    );
    assert_eq!(desk.hello_count(), 0);
    Ok(())
}

#[test]
fn it_ends_as_the_command_does_and_gives_the_terminal_back() -> Result<()> {
    let project = Project::empty()?;
    let run = format!("{} run --", binary().display());
    let script = format!(
        "stty -a > before\n\
         {run} sh -c 'exit 7'; echo \"code $?\"\n\
         {run} sh -c 'kill -TERM $$'; echo \"code $?\"\n\
         {run} sh -c 'printf \"\\033[?1049h\\033[?2004h\\033[?25l\"; kill -KILL $$'; echo \"code $?\"\n\
         {run} paige-no-such-program; echo \"code $?\"\n\
         {run} /etc/passwd; echo \"code $?\"\n\
         stty -a > after; cmp before after && echo same\n"
    );
    let environment = [("DATA_DIR", project.data.as_os_str().to_owned())];
    let shell = command(&project.root, &["bash", "-c", &script], &environment);
    let mut person = Person::start(&shell, Config::default())?;
    person.until_ended()?;
    let shown = person.shown();
    let codes: Vec<u8> = shown
        .split("code ")
        .skip(1)
        .filter_map(|rest| rest.split_whitespace().next()?.parse().ok())
        .collect();
    assert_eq!(codes, [7, 143, 137, 127, 126], "{shown}");
    assert!(shown.contains("same"), "{shown}");
    assert!(
        shown.contains("`paige-no-such-program` is not found"),
        "{shown}"
    );
    // What the killed one had switched on.
    for off in ["\x1b[?1049l", "\x1b[?2004l", "\x1b[?25h"] {
        assert!(shown.contains(off), "{off:?} in {shown:?}");
    }
    Ok(())
}

#[test]
fn keys_sizes_and_signals_reach_the_command() -> Result<()> {
    let project = Project::empty()?;
    let script = "trap 'echo size $(stty size)' WINCH; trap 'echo told; exit 5' TERM; \
                  trap 'echo interrupted' INT; echo parent $PPID; echo ready; \
                  while :; do read -r -t 1 line && echo \"got <$line>\"; done";
    let mut person = runs(&project, &["bash", "-c", script])?;
    person.until_screen("\nready")?;
    person.types("grö世\r");
    person.until_screen("got <grö世>")?;
    person.session().resize(Size::new(20, 70))?;
    person.until_screen("size 20 70")?;
    // A key there, and not a signal for `run`.
    person.types("\x03");
    person.until_screen("interrupted")?;
    let shown = person.shown();
    let parent = shown
        .split("parent ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next());
    let parent = Pid::from_raw(parent.context("its parent")?.parse()?).context("an id")?;
    kill_process(parent, Signal::TERM)?;
    assert_eq!(person.until_ended()?, Exit::Code(5));
    assert!(person.shown().contains("told"));
    Ok(())
}

#[test]
fn a_terminal_that_is_gone_ends_even_a_command_that_will_not() -> Result<()> {
    let project = Project::empty()?;
    let script = "trap '' HUP; echo ids $$ $PPID; while :; do sleep 1; done";
    let mut person = runs(&project, &["bash", "-c", script])?;
    person.until_screen("ids ")?;
    let shown = person.shown();
    let ids = shown.split("ids ").nth(1).context("its ids")?;
    let ids: Vec<i32> = ids
        .split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect();
    let id = |at: usize| {
        ids.get(at)
            .and_then(|id| Pid::from_raw(*id))
            .context("an id")
    };
    kill_process(id(1)?, Signal::HUP)?;
    assert_eq!(person.until_ended()?, Exit::Code(128 + 9));
    assert!(
        rustix::process::test_kill_process(id(0)?).is_err(),
        "it goes on"
    );
    Ok(())
}

#[test]
fn it_stops_and_goes_on_with_the_command() -> Result<()> {
    let project = Project::empty()?;
    let run = format!("{} run --", binary().display());
    let environment = [
        ("DATA_DIR", project.data.as_os_str().to_owned()),
        ("PS1", "shell> ".into()),
    ];
    let shell = command(
        &project.root,
        &["bash", "--norc", "--noprofile", "-i"],
        &environment,
    );
    let mut person = Person::start(&shell, Config::default())?;
    person.until_screen("shell>")?;
    person.types(&format!("{run} sh -c 'kill -STOP $$; echo on-$((1+1))'\r"));
    person.until_screen("Stopped")?;
    person.types("fg\r");
    person.until("a prompt after it", |person| {
        let screen = person.screen();
        screen.contains("\non-2") && screen.trim_end().ends_with("shell>")
    })?;
    person.types("echo code-$?\r");
    person.until_screen("\ncode-0")
}

#[test]
fn in_a_pipe_it_passes_text_on_as_it_is() -> Result<()> {
    let project = Project::empty()?;
    for (input, expected) in [("a\nb\n", "a\nb\n"), ("no end", "no end"), ("", "")] {
        let mut child = piped(&project, &["cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child
            .stdin
            .take()
            .context("a pipe")?
            .write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        assert_eq!(String::from_utf8(output.stdout)?, expected);
        let told = String::from_utf8(output.stderr)?;
        assert!(
            told.starts_with("No sidecar runs on") && told.lines().count() == 1,
            "{told}"
        );
        assert!(output.status.success());
    }
    Ok(())
}

#[test]
fn a_reader_that_leaves_ends_the_command() -> Result<()> {
    let project = Project::empty()?;
    let run = binary().display();
    let script = format!("{run} run -- yes 2>/dev/null | head -n 2; echo ${{PIPESTATUS[0]}}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("DATA_DIR", &project.data)
        .current_dir(&project.root)
        .stdin(Stdio::null())
        .output()?;
    assert_eq!(String::from_utf8(output.stdout)?, "y\ny\n141\n");
    Ok(())
}

#[test]
fn the_command_has_the_persons_environment_and_nothing_of_paiges_settings() -> Result<()> {
    let project = Project::empty()?;
    std::fs::create_dir_all(&project.data)?;
    let settings = "ANTHROPIC_API_KEY=sk-ant-of-the-settings\nPAIGE_BUDGET_DAY=3\n";
    std::fs::write(project.data.join(".env"), settings)?;
    let sidecar = Sidecar::start(&project)?;
    let output = piped(&project, &["env"]).env("MINE", "kept").output()?;
    let shown = String::from_utf8(output.stdout)?;
    assert!(shown.contains("MINE=kept\n"), "{shown}");
    let tokens = sidecar.tokens.iter().map(String::as_str);
    for hidden in ["sk-ant", "PAIGE_BUDGET"].into_iter().chain(tokens) {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_run_is_on_the_timeline_and_a_program_to_work_in_is_not() -> Result<()> {
    let project = Project::with(&[(
        "bin/pytest",
        "echo 'E  AssertionError: assert 1 == 2'\nexit 3\n",
    )])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut window, _) = Socket::hello(&sidecar).await?;
    window.ask("session:start", json!({})).await?;
    let mut person = runs(&project, &full_screen())?;
    person.until_screen("say>")?;
    person.types("quit\r");
    assert_eq!(person.until_ended()?, Exit::Code(0));
    // A test by its name, which is all that is looked at.
    let status = piped(
        &project,
        &["sh", "-c", "cp -p bin/pytest . && chmod +x pytest"],
    )
    .status()?;
    ensure!(status.success());
    let path = format!("{}:{}", project.root.display(), std::env::var("PATH")?);
    let status = piped(&project, &["pytest", "-x", "a b"])
        .env("PATH", path)
        .stdout(Stdio::null())
        .status()?;
    assert_eq!(status.code(), Some(3));

    let record = Record::of(&project)?;
    let deadline = Instant::now() + PATIENCE;
    let told = loop {
        let told = record.actions("command_run")?;
        if told.len() >= 2 {
            break told;
        }
        ensure!(Instant::now() < deadline, "only {told:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(told.len(), 2, "{told:?}");
    let (copied, tested) = (&told[0]["data"], &told[1]["data"]);
    assert_eq!(
        (&copied["kind"], &copied["exitCode"]),
        (&json!("other"), &json!(0))
    );
    assert_eq!(tested["command"], "pytest -x 'a b'");
    assert_eq!(
        (&tested["kind"], &tested["exitCode"]),
        (&json!("test"), &json!(3))
    );
    assert_eq!(tested["source"], "pty");
    assert_eq!(
        tested["errorLines"],
        json!(["E  AssertionError: assert _ == _"])
    );
    Ok(())
}

#[test]
fn wrong_settings_are_named_before_anything_runs() -> Result<()> {
    let project = Project::empty()?;
    let output = Command::new(binary())
        .args([
            "run", "--quiet", "soon", "--prompt", "(", "--", "echo", "ran",
        ])
        .env("DATA_DIR", &project.data)
        .output()?;
    let told = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1));
    let named = told.contains("PAIGE_NUDGE_QUIET") && told.contains("PAIGE_NUDGE_PROMPT");
    assert!(named && output.stdout.is_empty(), "{told}");
    Ok(())
}
