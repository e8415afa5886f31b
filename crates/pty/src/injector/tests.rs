use proptest::prelude::*;

use super::*;
use crate::Prompts;

const MS: Duration = Duration::from_millis(1);

/// An injector at a prompt `> `, with a clock that a test turns.
struct Scene {
    injector: Injector,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        let now = Instant::now();
        let config = Config {
            prompts: Prompts::line("^> $").unwrap(),
            ..Config::default()
        };
        let injector = Injector::new(config, Size::new(10, 40), now);
        let mut scene = Self { injector, now };
        scene.shows("> ");
        scene
    }

    fn shows(&mut self, text: &str) {
        self.injector.output(text.as_bytes(), self.now);
    }

    /// The person types, and the program echoes it.
    fn types(&mut self, text: &str) -> String {
        let written = self.injector.input(text.as_bytes().to_vec(), self.now);
        String::from_utf8(written).unwrap()
    }

    fn nudge(&mut self, signal: &str, line: &str, seconds: u64) {
        let expires = self.now + Duration::from_secs(seconds);
        self.injector
            .nudge(Nudge::new(signal, line, expires).unwrap());
    }

    fn after(&mut self, time: Duration) -> String {
        self.now += time;
        String::from_utf8(self.injector.poll(self.now)).unwrap()
    }

    /// What is written when nothing more happens, waking when the injector wants to.
    fn left_alone(&mut self) -> Vec<String> {
        let mut written = Vec::new();
        while let Some(due) = self.injector.wake(self.now) {
            self.now = self.now.max(due);
            let bytes = self.injector.poll(self.now);
            if !bytes.is_empty() {
                written.push(String::from_utf8(bytes).unwrap());
            }
        }
        written
    }

    /// The whole of a nudge: pasted, shown, Enter.
    fn takes(&mut self, line: &str) {
        let due = self
            .injector
            .wake(self.now)
            .expect("it waits for something");
        self.now = self.now.max(due);
        let pasted = self.injector.poll(self.now);
        assert_eq!(String::from_utf8(pasted).unwrap(), line);
        self.now += MS;
        self.shows(line);
        assert_eq!(self.after(20 * MS), "", "what is drawn must settle");
        assert_eq!(self.after(100 * MS), "\r");
        self.now += MS;
        self.shows("\r\nworking");
        assert_eq!(self.after(100 * MS), "");
        assert!(
            matches!(&self.injector.outcomes()[..], [Outcome::Typed(nudge)] if nudge.line() == line)
        );
    }
}

#[test]
fn a_quiet_prompt_takes_a_nudge_and_enter_follows_when_it_is_seen() {
    let mut scene = Scene::new();
    scene.nudge("idle", "hello", 30);
    assert_eq!(scene.after(900 * MS), "", "it is not quiet yet");
    scene.takes("hello");
    assert_eq!(scene.after(Duration::from_secs(5)), "");
}

#[test]
fn a_program_that_tells_pastes_apart_gets_a_paste() {
    let mut scene = Scene::new();
    scene.shows("\x1b[?2004h");
    scene.nudge("idle", "hello", 30);
    assert_eq!(scene.after(3000 * MS), "\x1b[200~hello\x1b[201~");
}

#[test]
fn no_nudge_while_the_program_works_or_asks() {
    let mut scene = Scene::new();
    scene.shows("\r\nAre you sure? ");
    scene.nudge("idle", "hello", 30);
    assert_eq!(scene.left_alone(), [""; 0]);
    assert!(matches!(
        scene.injector.outcomes()[..],
        [Outcome::Expired(_)]
    ));
}

#[test]
fn a_program_that_goes_on_drawing_is_not_quiet() {
    let mut scene = Scene::new();
    scene.nudge("idle", "hello", 30);
    for _ in 0..20 {
        scene.shows("\r> ");
        assert_eq!(scene.after(500 * MS), "");
    }
    assert_eq!(scene.after(2000 * MS), "hello");
}

#[test]
fn a_half_typed_line_is_kept_and_the_nudge_waits_for_its_enter() {
    let mut scene = Scene::new();
    assert_eq!(scene.types("ha"), "ha");
    scene.nudge("idle", "hello", 30);
    // Even if the program does not show what was typed.
    assert_eq!(scene.after(Duration::from_secs(10)), "");
    assert_eq!(scene.types("lf\r"), "lf\r");
    scene.shows("half\r\n> ");
    assert_eq!(
        scene.after(1500 * MS),
        "",
        "the person has just pressed a key"
    );
    scene.takes("hello");
}

#[test]
fn a_text_that_the_program_put_there_is_kept() {
    let mut scene = Scene::new();
    scene.shows("restored");
    scene.nudge("idle", "hello", 30);
    assert_eq!(scene.left_alone(), [""; 0]);
}

#[test]
fn what_is_typed_while_a_nudge_is_typed_comes_after_it() {
    let mut scene = Scene::new();
    scene.nudge("idle", "hello", 30);
    assert_eq!(scene.after(3000 * MS), "hello");
    assert_eq!(scene.types("mi"), "");
    scene.now += MS;
    scene.shows("hello");
    assert_eq!(scene.after(100 * MS), "\r");
    assert_eq!(scene.types("ne"), "");
    scene.now += MS;
    scene.shows("\r\n> ");
    assert_eq!(scene.after(100 * MS), "mine");
    // And it counts as typed.
    scene.nudge("idle", "again", 30);
    assert_eq!(scene.left_alone(), [""; 0]);
    assert_eq!(scene.types("\r"), "\r");
}

#[test]
fn an_enter_without_effect_holds_nothing_for_long() {
    let mut scene = Scene::new();
    scene.nudge("idle", "hello", 30);
    assert_eq!(scene.after(3000 * MS), "hello");
    scene.now += MS;
    scene.shows("hello");
    assert_eq!(scene.after(100 * MS), "\r");
    scene.types("x");
    assert_eq!(scene.left_alone(), ["x"]);
}

#[test]
fn enter_is_not_pressed_on_what_cannot_be_seen() {
    let mut scene = Scene::new();
    scene.nudge("idle", "hello", 30);
    assert_eq!(scene.after(3000 * MS), "hello");
    scene.now += MS;
    scene.shows("\r\nDelete everything? ");
    assert_eq!(scene.types("n"), "");
    assert_eq!(scene.left_alone(), ["n"], "only what the person typed");
    assert!(matches!(
        scene.injector.outcomes()[..],
        [Outcome::Abandoned(_)]
    ));
    // Where it went is not known, so the line is not empty until it is ended.
    scene.shows("\r\n> ");
    scene.nudge("idle", "again", 30);
    assert_eq!(scene.left_alone(), [""; 0]);
    scene.injector.outcomes();
    scene.types("\x03");
    scene.nudge("idle", "again", 30);
    scene.takes("again");
}

#[test]
fn the_newest_of_a_signal_wins_and_an_expired_one_is_never_typed() {
    let mut scene = Scene::new();
    scene.types("half");
    scene.nudge("idle", "old", 30);
    scene.nudge("wrong_file", "other", 5);
    scene.nudge("idle", "new", 30);
    assert!(
        matches!(&scene.injector.outcomes()[..], [Outcome::Replaced(nudge)] if nudge.line() == "old")
    );
    assert_eq!(scene.after(Duration::from_secs(6)), "");
    assert!(
        matches!(&scene.injector.outcomes()[..], [Outcome::Expired(nudge)] if nudge.line() == "other")
    );
    scene.types("\r");
    scene.shows("\r\n> ");
    scene.takes("new");
}

#[test]
fn few_nudges_wait() {
    let mut scene = Scene::new();
    for n in 0..100 {
        scene.nudge(&n.to_string(), "x", 30);
    }
    assert_eq!(scene.injector.waiting.len(), MOST_WAITING);
    assert_eq!(scene.injector.outcomes().len(), 100 - MOST_WAITING);
}

#[test]
fn lines_that_steer_a_terminal_are_no_nudges() {
    let now = Instant::now();
    for (line, expected) in [
        (" ", NudgeError::Empty),
        ("a\rb", NudgeError::Control),
        ("a\nb", NudgeError::Control),
        ("\x1b[201~rm", NudgeError::Control),
        ("a\u{9b}201~", NudgeError::Control),
        ("a\u{2028}b", NudgeError::Control),
    ] {
        assert_eq!(Nudge::new("s", line, now), Err(expected), "{line:?}");
    }
    assert_eq!(
        Nudge::new("s", "x".repeat(LONGEST_NUDGE + 1), now),
        Err(NudgeError::TooLong)
    );
    assert!(Nudge::new("s", "[PAIGE_OBSERVER] {\"é\":\"世\"}", now).is_ok());
}

#[derive(Debug, Clone)]
enum Event {
    Shows(&'static str),
    Types(&'static str),
    Nudge(u64),
    Resize(u16),
    Wait(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let texts = prop::sample::select(vec![
        "> ",
        "\r\n> ",
        "x",
        "\r\x1b[K> ",
        "\r\nwait",
        "NUDGE",
        "\x1b[?2004h",
        "é",
    ]);
    let keys = prop::sample::select(vec![
        "a",
        "\r",
        "\x7f",
        "\x1b[A",
        "\x03",
        "é",
        "\x1b",
        "\x1b[200~x\ry\x1b[201~",
    ]);
    let one = prop_oneof![
        texts.prop_map(Event::Shows),
        keys.prop_map(Event::Types),
        (1_u64..40).prop_map(Event::Nudge),
        (1_u16..30).prop_map(Event::Resize),
        (1_u64..4000).prop_map(Event::Wait),
    ];
    prop::collection::vec(one, 1..60)
}

proptest! {
    /// What the person types reaches the program completely and in order, a nudge is written only into an
    /// empty line at a quiet prompt before it expires, and Enter never without one.
    #[test]
    fn whatever_happens_the_person_comes_first(events in events()) {
        let mut scene = Scene::new();
        let (mut typed, mut received) = (String::new(), String::new());
        let (mut last_output, mut last_key) = (scene.now, scene.now);
        let mut expires = None;
        let mut pasted = false;
        for event in events {
            match event {
                Event::Shows(text) => {
                    scene.shows(text);
                    last_output = scene.now;
                }
                Event::Types(keys) => {
                    typed.push_str(keys);
                    received.push_str(&scene.types(keys));
                    last_key = scene.now;
                }
                Event::Nudge(seconds) => {
                    scene.nudge("s", "NUDGE", seconds);
                    expires = Some(scene.now + Duration::from_secs(seconds));
                }
                Event::Resize(columns) => {
                    scene.injector.resize(Size::new(10, columns), scene.now);
                    last_output = scene.now;
                }
                Event::Wait(ms) => scene.now += Duration::from_millis(ms),
            }
            let before = scene.injector.screen().line_before_cursor();
            let was_empty = scene.injector.line.is_empty();
            let written = String::from_utf8(scene.injector.poll(scene.now)).unwrap();
            if written.contains("NUDGE") {
                prop_assert!(!pasted && was_empty && before == "> ");
                prop_assert!(scene.now >= last_output + Duration::from_secs(1));
                prop_assert!(scene.now >= last_key + Duration::from_secs(2));
                prop_assert!(expires.is_some_and(|expires| expires > scene.now));
                pasted = true;
                expires = None;
            } else if pasted && written == "\r" && scene.injector.outcomes().iter().any(|o| matches!(o, Outcome::Typed(_))) {
                pasted = false;
            } else {
                pasted &= matches!(scene.injector.phase, Phase::Pasted(..));
                received.push_str(&written);
            }
        }
        while received.len() < typed.len() {
            let due = scene.injector.wake(scene.now);
            prop_assert!(due.is_some(), "something is held for ever");
            scene.now = scene.now.max(due.unwrap());
            let written = String::from_utf8(scene.injector.poll(scene.now)).unwrap();
            if !written.contains("NUDGE") && !scene.injector.outcomes().iter().any(|o| matches!(o, Outcome::Typed(_))) {
                received.push_str(&written);
            }
        }
        prop_assert_eq!(received, typed);
    }
}
