//! Terminals with real shells in them.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use paige_pty::{
    Change, Command, Config, Event, Exit, Modes, Nudge, Outcome, Prompts, Session, Size, Terminal,
    TerminalError,
};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);
const PROMPT: &str = "paige-test> ";

fn command(program: &str, arguments: &[&str]) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let environment = [
        ("PATH", path),
        ("TERM", "xterm-256color".into()),
        ("LANG", "C.UTF-8".into()),
        ("LC_ALL", "C.UTF-8".into()),
        ("PS1", PROMPT.into()),
        ("HOME", "/nonexistent".into()),
    ];
    Command {
        program: program.into(),
        arguments: arguments.iter().map(OsString::from).collect(),
        environment: environment
            .map(|(name, value)| (name.into(), value))
            .to_vec(),
        folder: std::env::temp_dir(),
    }
}

fn bash() -> Command {
    command("bash", &["--norc", "--noprofile", "-i"])
}

/// A shell in a terminal, and what it has shown.
struct Scene {
    session: Session<()>,
    shown: Vec<u8>,
    ended: Option<Exit>,
    outcomes: Vec<Outcome>,
}

impl Scene {
    fn start(command: &Command) -> Self {
        let size = Size::new(24, 80);
        let terminal = Terminal::start(command, size, Modes::default()).expect("started");
        let config = Config {
            quiet: Duration::from_millis(200),
            still: Duration::from_millis(300),
            prompts: Prompts::line(&format!("^{PROMPT}$")).expect("started"),
            ..Config::default()
        };
        Self {
            session: Session::new(terminal, config, size).expect("started"),
            shown: Vec::new(),
            ended: None,
            outcomes: Vec::new(),
        }
    }

    fn until(&mut self, what: &str, condition: impl Fn(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            match self.session.next(Some(deadline)) {
                Some(Event::Output(bytes)) => self.shown.extend(bytes),
                Some(Event::Child(Change::Ended(exit))) => self.ended = Some(exit),
                Some(Event::Nudge(outcome)) => self.outcomes.push(outcome),
                Some(_) => {}
                None => panic!(
                    "{what} does not come; the screen:\n{}",
                    self.session.screen().text()
                ),
            }
        }
    }

    fn until_screen(&mut self, text: &str) {
        self.until(text, |scene| scene.session.screen().text().contains(text));
    }

    /// Waits for a prompt below `text`.
    fn until_prompt(&mut self, text: &str) {
        self.until(text, |scene| {
            let screen = scene.session.screen().text();
            screen.contains(text)
                && screen.trim_end().lines().next_back() == Some(PROMPT.trim_end())
        });
    }

    fn nudge(&mut self, line: &str) {
        let expires = Instant::now() + PATIENCE;
        self.session
            .nudge(Nudge::new("signal", line, expires).expect("a line"));
    }

    fn outcome(&mut self) -> Outcome {
        self.until("the fate of a nudge", |scene| !scene.outcomes.is_empty());
        self.outcomes.remove(0)
    }

    /// Goes on for longer than counts as quiet, in which nothing becomes of a nudge.
    fn nothing_comes(&mut self) {
        let pause = Instant::now() + Duration::from_millis(700);
        while let Some(event) = self.session.next(Some(pause)) {
            assert!(!matches!(event, Event::Nudge(_)), "{event:?}");
        }
        assert!(!self.session.screen().text().contains("nudge"));
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}

#[test]
fn a_nudge_is_typed_at_the_prompt_and_run() {
    let mut scene = Scene::start(&bash());
    scene.until_prompt("");
    scene.nudge("echo nudge-$((6*7))-é世");
    assert!(matches!(scene.outcome(), Outcome::Typed(_)));
    scene.until_prompt("\nnudge-42-é世\n");
    // bash tells pastes apart, and was given one.
    assert!(scene.shown().contains("\x1b[?2004h"));
}

#[test]
fn a_half_typed_line_is_kept_and_the_nudge_comes_after_it() {
    let mut scene = Scene::start(&bash());
    scene.until_prompt("");
    scene.session.type_in("echo mi".as_bytes());
    scene.until_screen("echo mi");
    scene.nudge("echo nudge-$((6*7))");
    // A character in two pieces, with a pause between that is longer than what counts as quiet.
    scene.session.type_in(&"é".as_bytes()[..1]);
    scene.nothing_comes();
    scene.session.type_in(&"é".as_bytes()[1..]);
    scene.session.type_in(b"ne\r");
    scene.until_screen("\nmiéne\n");
    assert!(matches!(scene.outcome(), Outcome::Typed(_)));
    scene.until_prompt("\nnudge-42\n");
}

#[test]
fn a_nudge_waits_while_a_command_runs() {
    let mut scene = Scene::start(&bash());
    scene.until_prompt("");
    scene
        .session
        .type_in(b"read -r answer; echo \"got <$answer>\"\r");
    scene.until_screen("got <$answer>");
    scene.nudge("echo nudge-$((6*7))");
    scene.nothing_comes();
    scene.session.type_in(b"mine\r");
    scene.until_screen("got <mine>");
    assert!(matches!(scene.outcome(), Outcome::Typed(_)));
    scene.until_prompt("\nnudge-42\n");
}

#[test]
fn what_is_typed_meanwhile_comes_after_the_nudge() {
    let mut scene = Scene::start(&bash());
    scene.until_prompt("");
    scene.nudge("sleep 0.2; echo nudge-$((6*7))");
    scene.until_screen("sleep 0.2");
    scene.session.type_in(b"echo mine-$((6*7))\r");
    scene.until_prompt("\nmine-42\n");
    let shown = scene.shown();
    let (nudge, mine) = (shown.find("nudge-42"), shown.find("mine-42"));
    assert!(nudge < mine && nudge.is_some(), "{shown:?}");
}

#[test]
fn a_shell_that_knows_no_pastes_gets_the_line_alone() {
    let mut scene = Scene::start(&command("sh", &["-i"]));
    scene.until_prompt("");
    scene.nudge("echo nudge-$((6*7))");
    scene.until_prompt("\nnudge-42\n");
}

#[test]
fn the_shell_hears_of_another_size() {
    let mut scene = Scene::start(&bash());
    scene.until_prompt("");
    scene
        .session
        .type_in(b"trap 'echo size $(stty size)' WINCH; echo trapped-$((1+1))\r");
    scene.until_prompt("trapped-2\n");
    scene.session.resize(Size::new(30, 100)).unwrap();
    // bash runs traps when a command has ended.
    scene.session.type_in(b"\r");
    scene.until_screen("size 30 100");
}

#[test]
fn exits_and_signals_are_told() {
    for (script, expected) in [
        ("exit 7", Exit::Code(7)),
        ("kill -TERM $$", Exit::Signal(15)),
    ] {
        let mut scene = Scene::start(&command("sh", &["-c", script]));
        scene.until("its end", |scene| scene.ended.is_some());
        assert_eq!(scene.ended, Some(expected), "{script}");
    }
}

#[test]
fn a_program_that_is_gone_takes_no_nudge_and_harms_nothing() {
    let mut scene = Scene::start(&bash());
    scene.until_prompt("");
    scene.session.type_in(b"exec 2>/dev/null; kill -KILL $$\r");
    scene.until("its end", |scene| scene.ended.is_some());
    scene.session.nudge(
        Nudge::new(
            "signal",
            "echo late",
            Instant::now() + Duration::from_millis(600),
        )
        .unwrap(),
    );
    scene.session.type_in(b"more\r");
    assert!(!matches!(scene.outcome(), Outcome::Typed(_)));
    assert_eq!(
        scene.session.terminal().child().wait().unwrap(),
        Change::Ended(Exit::Signal(9))
    );
}

#[test]
fn all_that_a_program_showed_last_is_read() {
    let mut scene = Scene::start(&command("sh", &["-c", "seq 1 20000; printf end"]));
    let over = std::cell::Cell::new(false);
    let deadline = Instant::now() + PATIENCE;
    while !over.get() {
        match scene.session.next(Some(deadline)).expect("its output ends") {
            Event::Output(bytes) => scene.shown.extend(bytes),
            Event::OutputEnded => over.set(true),
            _ => {}
        }
    }
    let shown = scene.shown();
    assert!(shown.starts_with("1\r\n2\r\n") && shown.ends_with("20000\r\nend"));
}

#[test]
fn a_program_that_reads_nothing_stops_nobody() {
    let mut scene = Scene::start(&command(
        "sh",
        &["-c", "stty raw -echo; echo ready; sleep 1; echo over"],
    ));
    scene.until_screen("ready");
    for _ in 0..100 {
        scene.session.type_in(&[b'x'; 4096]);
    }
    scene.until_screen("over");
}

#[test]
fn a_program_ends_with_its_terminal_even_if_it_will_not() {
    let script = "trap '' HUP TERM INT; echo ready; while :; do sleep 1; done";
    let mut scene = Scene::start(&command("sh", &["-c", script]));
    scene.until_screen("ready");
    let child = scene.session.terminal().child().clone();
    drop(scene);
    assert_eq!(child.wait().unwrap(), Change::Ended(Exit::Signal(9)));
}

#[test]
fn a_program_that_stops_itself_is_told_and_goes_on() {
    let script = "kill -STOP $$; echo on-again";
    let mut scene = Scene::start(&command("sh", &["-c", script]));
    let deadline = Instant::now() + PATIENCE;
    loop {
        match scene.session.next(Some(deadline)).expect("it stops") {
            Event::Child(Change::Stopped) => break,
            event => assert!(!matches!(event, Event::Child(_)), "{event:?}"),
        }
    }
    let cont = rustix::process::Signal::CONT;
    assert!(scene.session.terminal().child().signal(cont).unwrap());
    scene.until_screen("on-again");
}

#[test]
fn modes_are_set_before_the_program_starts() {
    let size = Size::new(5, 40);
    let modes = Modes {
        echo: false,
        returns: false,
    };
    let script = "stty -a; read -r line; printf 'a\\nb'";
    let terminal = Terminal::start(&command("sh", &["-c", script]), size, modes).unwrap();
    let mut session = Session::<()>::new(terminal, Config::default(), size).unwrap();
    session.type_in(b"hidden\n");
    let mut shown = Vec::new();
    while let Some(event) = session.next(Some(Instant::now() + PATIENCE)) {
        match event {
            Event::Output(bytes) => shown.extend(bytes),
            Event::OutputEnded => break,
            _ => {}
        }
    }
    let shown = String::from_utf8(shown).unwrap();
    assert!(
        shown.contains(" -echo ") && shown.ends_with("a\nb") && !shown.contains("hidden"),
        "{shown:?}"
    );
}

#[test]
fn a_program_that_cannot_be_run_is_named() {
    let start = |command: &Command| {
        Terminal::start(command, Size::new(5, 40), Modes::default()).unwrap_err()
    };
    let missing = start(&command("paige-no-such-program", &[]));
    assert!(matches!(missing, TerminalError::NotFound(_)), "{missing}");
    assert!(missing.to_string().contains("`paige-no-such-program`"));
    let missing = start(&command("/no/such/program", &[]));
    assert!(matches!(missing, TerminalError::NotFound(_)), "{missing}");
    let unfit = start(&command("/etc/passwd", &[]));
    assert!(matches!(unfit, TerminalError::Start { .. }), "{unfit}");
    let mut nowhere = bash();
    nowhere.folder = "/no/such/folder".into();
    let unfit = start(&nowhere);
    assert!(matches!(unfit, TerminalError::Start { .. }), "{unfit}");
}
