//! [`Person`]: somebody before a terminal, who types and looks at the screen.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use paige_pty::{
    Change, Command, Config, Event, Exit, Modes, Nudge, Outcome, Session, Size, Terminal,
};

use crate::sidecar::PATIENCE;

/// A program in a terminal, which is ended when this is dropped.
pub struct Person {
    session: Session<()>,
    shown: Vec<u8>,
    ended: Option<Exit>,
    outcomes: Vec<Outcome>,
}

/// A command in this folder with this environment; `PATH`, `TERM` and `LANG` are added.
pub fn command(folder: &Path, words: &[&str], environment: &[(&str, OsString)]) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = [
        ("PATH", path),
        ("TERM", "xterm-256color".into()),
        ("LANG", "C.UTF-8".into()),
    ];
    let pair = |(name, value): &(&str, OsString)| ((*name).into(), value.clone());
    Command {
        program: words[0].into(),
        arguments: words[1..].iter().map(OsString::from).collect(),
        environment: usual.iter().chain(environment).map(pair).collect(),
        folder: folder.to_owned(),
    }
}

impl Person {
    /// Starts a command in a terminal of 40 lines of 120 characters.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &Command, config: Config) -> Result<Self> {
        let size = Size::new(40, 120);
        let terminal = Terminal::start(command, size, Modes::default())?;
        Ok(Self {
            session: Session::new(terminal, config, size)?,
            shown: Vec::new(),
            ended: None,
            outcomes: Vec::new(),
        })
    }

    /// The screen as it is now.
    pub fn screen(&self) -> String {
        self.session.screen().text()
    }

    /// Everything that the program has sent.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// The terminal.
    pub fn session(&mut self) -> &mut Session<()> {
        &mut self.session
    }

    /// Presses these keys.
    pub fn types(&mut self, keys: &str) {
        self.session.type_in(keys.as_bytes());
    }

    /// Lets a nudge wait in this terminal itself.
    ///
    /// # Errors
    /// A line that is none.
    pub fn nudge(&mut self, line: &str, expires: Duration) -> Result<()> {
        let nudge = Nudge::new("signal", line, Instant::now() + expires)?;
        self.session.nudge(nudge);
        Ok(())
    }

    /// Looks on until this is so.
    ///
    /// # Errors
    /// It does not come; the message has the screen.
    pub fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            if !self.look(deadline) {
                bail!("{what:?} does not come; the screen:\n{}", self.screen());
            }
        }
        Ok(())
    }

    /// Looks on until the screen holds this.
    ///
    /// # Errors
    /// As [`until`](Self::until).
    pub fn until_screen(&mut self, text: &str) -> Result<()> {
        self.until(text, |person| person.screen().contains(text))
    }

    /// Looks on until the program has ended and everything was shown, and says how it ended.
    ///
    /// # Errors
    /// As [`until`](Self::until).
    pub fn until_ended(&mut self) -> Result<Exit> {
        self.until("its end", |person| person.ended.is_some())?;
        let deadline = Instant::now() + Duration::from_millis(100);
        while self.look(deadline) {}
        match self.ended {
            Some(exit) => Ok(exit),
            None => bail!("it goes on"),
        }
    }

    /// Looks on for this long, in which the screen never holds `text`.
    ///
    /// # Errors
    /// It does.
    pub fn never_screen(&mut self, text: &str, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        loop {
            let screen = self.screen();
            ensure!(!screen.contains(text), "{text:?} is there:\n{screen}");
            if !self.look(until) {
                return Ok(());
            }
        }
    }

    /// What became of the next nudge of this terminal.
    ///
    /// # Errors
    /// Nothing did.
    pub fn outcome(&mut self) -> Result<Outcome> {
        self.until("the fate of a nudge", |person| !person.outcomes.is_empty())?;
        Ok(self.outcomes.remove(0))
    }

    /// What became of nudges, and was not asked for yet.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    fn look(&mut self, until: Instant) -> bool {
        match self.session.next(Some(until)) {
            Some(Event::Output(bytes)) => self.shown.extend(bytes),
            Some(Event::Child(Change::Ended(exit))) => self.ended = Some(exit),
            Some(Event::Nudge(outcome)) => self.outcomes.push(outcome),
            Some(_) => {}
            None => return false,
        }
        true
    }
}
