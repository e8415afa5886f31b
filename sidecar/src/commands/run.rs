//! `run`: a command in a terminal of its own, attached to the person's, into which nudges are typed.

mod feed;
mod tty;

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use paige_protocol::coach::action::CommandSource;
use paige_protocol::coach::coaching::CommandRun;
use paige_pty::{
    Change, Command, Config, Event, Exit as Ended, Modes, Nudge, Prompts, Session, Terminal,
    TerminalError,
};
use rustix::process::Signal;

use self::feed::{Feed, Found, Place, Told};
use self::tty::Raw;
use crate::cli::RunArgs;
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, tell};

/// Bytes of the output whose end is told.
const TAIL: usize = 8 * 1024;
/// So long output may still come from a command that has ended.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);
/// So long a command may go on after the person's terminal is gone.
const HANGUP_LIMIT: Duration = Duration::from_secs(2);
/// So long the sidecar may take to be told of a command.
const TELL_LIMIT: Duration = Duration::from_secs(2);

/// As shells have them.
const NOT_FOUND: u8 = 127;
const CANNOT_RUN: u8 = 126;
const OUTPUT_CLOSED: u8 = 141;

/// Runs a command, and ends as it does.
///
/// # Errors
/// [`Exit::Configuration`] for settings that make no sense, [`Exit::Internal`] without a terminal.
pub(crate) fn run(data: &DataDir, args: &RunArgs) -> Result<ExitCode, Failure> {
    let config = config(args)?;
    let internal = |error: io::Error| Failure::internal("The command could not be run", error);
    let folder = std::env::current_dir().map_err(internal)?;
    let attended = tty::is_there();
    let place = Place {
        data: data.clone(),
        folder: folder.canonicalize().map_err(internal)?,
        attended,
    };
    warn(&place);

    let (program, arguments) = args
        .command
        .split_first()
        .ok_or_else(|| Failure::new(Exit::Usage, "Name the command to run."))?;
    // The person's own environment, as a shell would give it. What Paige reads from her files of
    // settings, the key among it, is never put into it.
    let command = Command {
        program: program.clone(),
        arguments: arguments.to_vec(),
        environment: std::env::vars_os().collect(),
        folder,
    };
    let modes = Modes {
        // What comes out of a pipe was seen by nobody as it was typed.
        echo: io::stdin().is_terminal(),
        returns: io::stdout().is_terminal(),
    };
    let size = tty::size();
    let started = Instant::now();
    let terminal = match Terminal::start(&command, size, modes) {
        Ok(terminal) => terminal,
        Err(error) => {
            let code = match &error {
                TerminalError::NotFound(_) => NOT_FOUND,
                TerminalError::Start { .. } => CANNOT_RUN,
                TerminalError::Open(_) => Exit::Internal as u8,
            };
            tell(&error.to_string());
            return Ok(code.into());
        }
    };
    let session = Session::new(terminal, config, size).map_err(internal)?;
    let feed = Feed::start(place, session.teller()).map_err(internal)?;
    let raw = Raw::begin().map_err(internal)?;
    session.keyboard(io::stdin()).map_err(internal)?;
    let mut attached = Attached {
        session,
        raw,
        interactive: false,
        tail: Vec::new(),
    };
    let outcome = attached.follow();
    attached.leave(&outcome);
    let code = match outcome {
        Outcome::Ended(ended) => ended.code(),
        Outcome::OutputClosed => OUTPUT_CLOSED,
    };
    let ran = (!attached.interactive).then(|| CommandRun {
        command: line(&args.command),
        exit_code: code.into(),
        duration_ms: u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX),
        tail: String::from_utf8_lossy(&attached.tail).into_owned(),
        source: Some(CommandSource::Pty),
    });
    feed.finish(ran, TELL_LIMIT);
    Ok(code.into())
}

/// How it came to an end.
enum Outcome {
    Ended(Ended),
    /// Nobody reads what it shows any more.
    OutputClosed,
}

/// A command and the person's terminal.
struct Attached {
    session: Session<Told>,
    raw: Option<Raw>,
    /// It took the screen or told pastes apart: a program to work in, not a command that runs.
    interactive: bool,
    /// The end of its output.
    tail: Vec<u8>,
}

impl Attached {
    /// Passes everything on until the command has ended.
    fn follow(&mut self) -> Outcome {
        let (mut ended, mut until) = (None, None);
        let mut is_silent = false;
        let mut last_typed_line = true;
        loop {
            match self.session.next(until) {
                Some(Event::Output(bytes)) => {
                    if self.show(&bytes).is_err() {
                        self.session.terminal().child().end();
                        return Outcome::OutputClosed;
                    }
                }
                Some(Event::Child(Change::Ended(exit))) => {
                    ended = Some(exit);
                    if is_silent {
                        break;
                    }
                    until = Some(Instant::now() + DRAIN_LIMIT);
                }
                Some(Event::Child(Change::Stopped)) => self.stop(),
                Some(Event::OutputEnded) if ended.is_some() => break,
                // The end of the command itself comes next, unless it has let go of the terminal alone.
                Some(Event::OutputEnded) => is_silent = true,
                Some(Event::Typed(ends_a_line)) => last_typed_line = ends_a_line,
                Some(Event::TypedAll) if io::stdin().is_terminal() => {
                    self.hang_up();
                    until.get_or_insert(Instant::now() + HANGUP_LIMIT);
                }
                // The end of a pipe is typed as a person types it: within a line, the first one only
                // sends what there is of it.
                Some(Event::TypedAll) => {
                    let end: &[u8] = if last_typed_line {
                        b"\x04"
                    } else {
                        b"\x04\x04"
                    };
                    self.session.type_in(end);
                }
                Some(Event::Told(Told::Signal(Signal::HUP))) => {
                    self.hang_up();
                    until.get_or_insert(Instant::now() + HANGUP_LIMIT);
                }
                Some(Event::Told(Told::Signal(signal))) => self.signal(signal),
                Some(Event::Told(Told::Resized)) => {
                    // A program that has the old size is no reason to end it.
                    let _ = self.session.resize(tty::size());
                }
                Some(Event::Told(Told::Nudge {
                    signal,
                    line,
                    expires,
                })) => {
                    // A line that would steer the terminal is none.
                    if let Ok(nudge) = Nudge::new(signal, line, expires) {
                        self.session.nudge(nudge);
                    }
                }
                Some(Event::Nudge(_)) => {}
                None => break,
            }
        }
        let child = self.session.terminal().child();
        child.end();
        match (ended, child.wait()) {
            (Some(exit), _) | (None, Ok(Change::Ended(exit))) => Outcome::Ended(exit),
            _ => Outcome::Ended(Ended::Code(1)),
        }
    }

    fn show(&mut self, bytes: &[u8]) -> io::Result<()> {
        let screen = self.session.screen();
        self.interactive |= screen.takes_pastes() || screen.is_alternate();
        self.tail.extend_from_slice(bytes);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    fn signal(&self, signal: Signal) {
        // One that is gone needs none.
        let _ = self.session.terminal().child().signal(signal);
    }

    fn hang_up(&self) {
        self.signal(Signal::HUP);
        self.signal(Signal::CONT);
    }

    /// The command has stopped itself, as at Ctrl-Z: so does this process, and both go on together.
    fn stop(&mut self) {
        let Some(raw) = &self.raw else {
            return;
        };
        raw.pause();
        // Where no shell could make it go on again, the system does not stop it.
        let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::TSTP);
        let _ = raw.again();
        let _ = self.session.resize(tty::size());
        self.signal(Signal::CONT);
    }

    /// Gives the terminal back as it was.
    fn leave(&mut self, outcome: &Outcome) {
        // A program that was killed has taken nothing back.
        if matches!(outcome, Outcome::Ended(Ended::Signal(_))) && io::stdout().is_terminal() {
            let mut out = io::stdout().lock();
            let _ = out.write_all(self.session.screen().farewell().as_bytes());
            let _ = out.flush();
        }
        self.raw = None;
    }
}

/// One line for a command that no sidecar hears of.
fn warn(place: &Place) {
    let root = place.data.root().display();
    match place.sidecar() {
        Found::Here(_) => {}
        Found::None => tell(&format!(
            "No sidecar runs on {root}, so Paige does not see this. Start one with `paige-sidecar --project-dir FOLDER`."
        )),
        Found::Elsewhere(project) => tell(&format!(
            "The sidecar on {root} serves {project}, and this folder is not in it, so Paige does not see this."
        )),
    }
}

fn config(args: &RunArgs) -> Result<Config, Failure> {
    let mut config = Config::default();
    let mut problems = Vec::new();
    let text = |value: &Option<OsString>| {
        let text = value.as_deref().map(OsStr::to_string_lossy)?;
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    };
    for (variable, value, time) in [
        ("PAIGE_NUDGE_QUIET", &args.quiet, &mut config.quiet),
        ("PAIGE_NUDGE_STILL", &args.still, &mut config.still),
    ] {
        match text(value).map(|text| seconds(&text).ok_or(text)) {
            None => {}
            Some(Ok(given)) => *time = given,
            Some(Err(text)) => {
                problems.push(format!("{variable}: {text:?} is no number of seconds."))
            }
        }
    }
    if let Some(pattern) = text(&args.prompt) {
        match Prompts::line(&pattern) {
            Ok(prompts) => config.prompts.extend(prompts),
            Err(error) => problems.push(format!("PAIGE_NUDGE_PROMPT: {error}")),
        }
    }
    let variable = |field| match field {
        "quiet" => "PAIGE_NUDGE_QUIET",
        _ => "PAIGE_NUDGE_STILL",
    };
    let wrong = config.validate();
    problems.extend(
        wrong
            .iter()
            .map(|p| format!("{}: {}", variable(p.field), p.message)),
    );
    if problems.is_empty() {
        return Ok(config);
    }
    Err(Failure::new(Exit::Configuration, problems.join("\n")))
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

/// The command as a person would type it.
fn line(words: &[OsString]) -> String {
    let quoted = |word: &OsString| {
        let word = word.to_string_lossy();
        let is_plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
        if !word.is_empty() && word.chars().all(is_plain) {
            return word.into_owned();
        }
        format!("'{}'", word.replace('\'', r"'\''"))
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(quiet: Option<&str>, still: Option<&str>, prompt: Option<&str>) -> RunArgs {
        RunArgs {
            quiet: quiet.map(Into::into),
            still: still.map(Into::into),
            prompt: prompt.map(Into::into),
            command: vec!["true".into()],
        }
    }

    #[test]
    fn every_wrong_setting_is_named() {
        let good = config(&args(Some("0.5"), Some(" "), Some("^> $"))).unwrap();
        assert_eq!(good.quiet, Duration::from_millis(500));
        assert_eq!(good.still, Config::default().still);
        for (wrong, named) in [
            (args(Some("soon"), Some("-1"), None), 2),
            (args(Some("100"), Some("0"), None), 2),
            (args(None, None, Some("(")), 1),
        ] {
            let failure = config(&wrong).unwrap_err();
            assert_eq!(failure.exit, Exit::Configuration);
            assert_eq!(
                failure.message.matches("PAIGE_NUDGE_").count(),
                named,
                "{failure}"
            );
        }
    }

    #[test]
    fn a_command_is_told_as_it_would_be_typed() {
        for (words, expected) in [
            (&["cargo", "test"][..], "cargo test"),
            (&["sh", "-c", "a b"], "sh -c 'a b'"),
            (&["echo", "it's", ""], r"echo 'it'\''s' ''"),
        ] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(line(&words), expected);
        }
    }
}
