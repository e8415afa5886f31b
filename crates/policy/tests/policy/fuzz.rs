//! Chance: commands of the corpus, cut, mixed and bent, must never make the policy panic, take long, or contradict
//! itself.
//!
//! `PAIGE_FUZZ_SECONDS` says for how long (`cargo xtask test` says 30), `PAIGE_FUZZ_SEED` repeats a run.

#![expect(
    clippy::print_stdout,
    reason = "the seed of a failure is told, so that it can be repeated"
)]

use std::time::{Duration, Instant};

use paige_policy::{Decision, Policy, Rule};

use crate::lines;

/// How long a plain `cargo test` tries.
const SECONDS: u64 = 2;

/// Texts that mean something to a shell.
const PIECES: [&str; 64] = [
    "'",
    "\"",
    "`",
    "$(",
    ")",
    "${",
    "}",
    "$((",
    "))",
    "(",
    "{",
    "<<EOF\n",
    "EOF\n",
    "<<'A'\n",
    "\nA\n",
    "<(",
    ">(",
    "|",
    "||",
    "&&",
    "&",
    ";",
    ";;",
    "\n",
    "\\",
    "\\\n",
    "#",
    " # ",
    "> x",
    ">> x",
    "2>&1",
    "<",
    "<<<",
    "$",
    "$x",
    "$'\\x41'",
    "*",
    "~",
    "!",
    "[[ ",
    " ]]",
    "[ ",
    " ]",
    "if ",
    "then ",
    "fi",
    "for x in ",
    "do ",
    "done",
    "case x in ",
    "esac",
    "while ",
    "x=",
    "a[0]=",
    "-",
    "--",
    "=",
    "\t",
    "\u{a0}",
    "é",
    "\0",
    "{a,b}",
    "..",
    "/",
];

/// A generator of numbers that look random (xorshift).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        let most = u64::try_from(most.max(1)).expect("small");
        usize::try_from(self.next() % most).expect("small")
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// A command made of another one.
fn bent(chance: &mut Chance, seeds: &[&str]) -> String {
    let mut chars: Vec<char> = chance.of(seeds).chars().collect();
    for _ in 0..=chance.below(4) {
        let at = chance.below(chars.len() + 1);
        match chance.below(6) {
            0 => chars.truncate(at),
            1 if at < chars.len() => {
                chars.remove(at);
            }
            2 => {
                let other: Vec<char> = chance.of(seeds).chars().collect();
                let from = chance.below(other.len());
                chars.splice(at..at, other[from..].iter().copied());
            }
            3 => {
                let to = (at + chance.below(12)).min(chars.len());
                let part: Vec<char> = chars[at..to].to_vec();
                chars.splice(at..at, part);
            }
            _ => {
                let piece = chance.of(&PIECES);
                let times = if chance.below(40) == 0 { 60 } else { 1 };
                chars.splice(at..at, piece.repeat(times).chars());
            }
        }
    }
    chars.into_iter().collect()
}

/// What must hold of every command. One that chance made (`bent`) may be read in one place and be too odd to be read
/// with certainty in another, which is safe; those of the corpus may not.
fn check(policy: &Policy, command: &str, bent: bool) {
    let first = lines::judge(policy, command);
    assert_eq!(
        first,
        lines::judge(policy, command),
        "not the same twice: {command:?}"
    );
    assert!(!first.reason.is_empty());
    let says_nothing = |line: &str| line.trim().is_empty() || line.trim().starts_with('#');
    if first.decision != Decision::Allow || command.lines().all(says_nothing) {
        return;
    }
    let still_allowed = |wrapped: String| {
        let verdict = lines::judge(policy, &wrapped);
        let odd = bent && verdict.rule == Rule::Unparsed;
        assert!(
            odd || verdict.decision == Decision::Allow,
            "{wrapped:?}: {}",
            verdict.reason
        );
    };
    let not_allowed = |writes: String| {
        let verdict = lines::judge(policy, &writes);
        assert_ne!(verdict.decision, Decision::Allow, "{writes:?}");
    };
    // What is put behind a command stands on a line of its own, so that no comment or text of it swallows it.
    still_allowed(format!("( {command}\n)"));
    still_allowed(format!("{{ {command}\n}}"));
    still_allowed(format!("{command}\ntrue"));
    not_allowed(format!("( {command}\n) > x"));
    not_allowed(format!("{command}\ntouch x"));
    not_allowed(format!("echo \"$( {command}\n)\" > x"));
    not_allowed(format!("touch x; {command}"));
    if !command.contains(['#', '\n', '\\']) && !command.ends_with(['&', ';', ' ']) {
        not_allowed(format!("{command} > x"));
        still_allowed(format!("{command} && true"));
    }
}

pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The lines of the corpus, but for those that are held out.
fn corpus() -> Vec<String> {
    let files = ["own.txt", "published.txt", "elsewhere.txt"];
    let lines = files.iter().flat_map(|file| lines::read(file));
    lines.map(|line| line.command).collect()
}

impl Chance {
    /// As the environment says, or by the clock.
    fn begin() -> Self {
        let seed = number("PAIGE_FUZZ_SEED").unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(1, |now| {
                u64::from(now.subsec_nanos()) + (now.as_secs() << 20)
            })
        });
        println!("PAIGE_FUZZ_SEED={seed}");
        Self(seed | 1)
    }
}

/// Commands that chance makes and the policy allows.
pub(crate) fn allowed(count: usize, keep: impl Fn(&str) -> bool) -> Vec<String> {
    let seeds = corpus();
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    let mut chance = Chance::begin();
    let mut commands = Vec::new();
    while commands.len() < count {
        let command = bent(&mut chance, &seeds);
        let new = !seeds.contains(&command.as_str()) && keep(&command);
        if new && lines::judge(Policy::embedded(), &command).decision == Decision::Allow {
            commands.push(command);
        }
    }
    commands
}

#[test]
fn chance_finds_nothing() {
    let seconds = number("PAIGE_FUZZ_SECONDS").unwrap_or(SECONDS);
    let seeds = corpus();
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    let policy = Policy::embedded();
    for seed in &seeds {
        check(policy, seed, false);
    }
    let mut chance = Chance::begin();
    let (start, mut tries) = (Instant::now(), 0_u64);
    while start.elapsed() < Duration::from_secs(seconds) {
        check(policy, &bent(&mut chance, &seeds), true);
        tries += 1;
    }
    println!("{tries} commands in {seconds} s");
}

#[test]
fn what_is_too_much_is_denied_at_once() {
    let policy = Policy::embedded();
    for (open, close) in [
        ("(", ")"),
        ("{ ", "; }"),
        ("$(", ")"),
        ("`", "`"),
        ("\"$(", ")\""),
        ("$((", "))"),
        ("${x:-", "}"),
        ("if true; then ", "; fi"),
        ("while true; do ", "; done"),
        ("for x in a; do ", "; done"),
        ("case x in x) ", ";; esac"),
        ("[[ ( ", " ) ]]"),
        ("{a,", "}"),
        ("<(", ")"),
        ("env ", ""),
        ("! ", ""),
        ("cat <<A\n", "\nA\n"),
        ("x=", ""),
        ("\\", "\\"),
        ("'", ""),
    ] {
        for times in [30, 300, 3000] {
            let command = format!("{}true{}", open.repeat(times), close.repeat(times));
            let unclosed = open.repeat(times);
            for command in [command, unclosed] {
                let verdict = lines::judge(policy, &command);
                let may = times == 30 || matches!(open, "\\" | "! " | "x=" | "'");
                assert!(
                    may || verdict.decision != Decision::Allow,
                    "{times} times {open:?}: {}",
                    verdict.reason
                );
            }
        }
    }
    let long = format!("echo {}", "x".repeat(10_000));
    assert_eq!(lines::judge(policy, &long).decision, Decision::Deny);
    let many = "ls; ".repeat(5_000);
    assert_eq!(lines::judge(policy, &many).decision, Decision::Deny);
}
