//! [`Injector`]: when a nudge is typed, and never into anything else.
//!
//! A nudge is pasted, seen on the screen, and then followed by Enter. Until Enter has had its effect, what
//! the person types waits, so that it neither joins the nudge nor is sent with it.

use std::time::{Duration, Instant};

use crate::line::Line;
use crate::{Config, Screen, Size};

/// Bytes of a nudge at most.
pub const LONGEST_NUDGE: usize = 4096;
/// Nudges of different signals that wait at most; the oldest gives way.
const MOST_WAITING: usize = 16;
/// So long Enter may take to change anything on the screen.
const ENTER_LIMIT: Duration = Duration::from_millis(500);

/// A line that is to be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nudge {
    signal: String,
    line: String,
    expires: Instant,
}

/// Why a line cannot be a nudge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NudgeError {
    /// Nothing but white space.
    #[error("The nudge is empty.")]
    Empty,
    /// Over [`LONGEST_NUDGE`].
    #[error("The nudge is longer than {LONGEST_NUDGE} bytes.")]
    TooLong,
    /// It would steer the terminal or be sent in pieces.
    #[error("The nudge has control characters, or more than one line.")]
    Control,
}

impl Nudge {
    /// A nudge of one line. A newer one of the same `signal` replaces an older one that still waits.
    ///
    /// # Errors
    /// A line that must not be typed.
    pub fn new(
        signal: impl Into<String>,
        line: impl Into<String>,
        expires: Instant,
    ) -> Result<Self, NudgeError> {
        let line = line.into();
        if line.trim().is_empty() {
            return Err(NudgeError::Empty);
        }
        if line.len() > LONGEST_NUDGE {
            return Err(NudgeError::TooLong);
        }
        // Line and paragraph separators begin a new line in some programs.
        if line
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            return Err(NudgeError::Control);
        }
        Ok(Self {
            signal: signal.into(),
            line,
            expires,
        })
    }

    /// The line.
    pub fn line(&self) -> &str {
        &self.line
    }
}

/// What became of a nudge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was typed, and Enter pressed.
    Typed(Nudge),
    /// Its time was over before it could be typed.
    Expired(Nudge),
    /// A newer one took its place.
    Replaced(Nudge),
    /// It was pasted, but did not show up at the prompt, so that Enter was not pressed.
    Abandoned(Nudge),
}

/// Decides when a nudge is typed into a terminal.
#[derive(Debug)]
pub struct Injector {
    config: Config,
    screen: Screen,
    line: Line,
    waiting: Vec<Nudge>,
    phase: Phase,
    /// What the person typed while a nudge was being typed.
    held: Vec<u8>,
    last_output: Instant,
    last_key: Instant,
    outcomes: Vec<Outcome>,
}

#[derive(Debug)]
enum Phase {
    /// Nothing of ours is under way.
    Idle,
    /// The nudge was pasted then.
    Pasted(Nudge, Instant),
    /// Enter was pressed then.
    Entered(Instant),
}

impl Injector {
    /// For a terminal of this size whose program is just starting.
    pub fn new(config: Config, size: Size, now: Instant) -> Self {
        Self {
            config,
            screen: Screen::new(size),
            line: Line::default(),
            waiting: Vec::new(),
            phase: Phase::Idle,
            held: Vec::new(),
            last_output: now,
            last_key: now,
            outcomes: Vec::new(),
        }
    }

    /// The screen as the program has drawn it.
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// The program has shown something.
    pub fn output(&mut self, bytes: &[u8], now: Instant) {
        self.screen.process(bytes);
        self.last_output = now;
    }

    /// The window has another size; the program will draw anew.
    pub fn resize(&mut self, size: Size, now: Instant) {
        self.screen.resize(size);
        self.last_output = now;
    }

    /// The person has typed something. What is to be written to the program now is returned: nothing
    /// while a nudge is being typed; it comes from [`poll`](Self::poll) then.
    pub fn input(&mut self, bytes: Vec<u8>, now: Instant) -> Vec<u8> {
        if !matches!(self.phase, Phase::Idle) {
            self.held.extend(bytes);
            return Vec::new();
        }
        if self.line.feed(&bytes, now) {
            self.last_key = now;
        }
        bytes
    }

    /// A nudge has come.
    pub fn nudge(&mut self, nudge: Nudge) {
        let same = self
            .waiting
            .iter()
            .position(|old| old.signal == nudge.signal);
        let gone = same.or((self.waiting.len() == MOST_WAITING).then_some(0));
        if let Some(at) = gone {
            self.outcomes
                .push(Outcome::Replaced(self.waiting.remove(at)));
        }
        self.waiting.push(nudge);
    }

    /// What is to be written to the program now, in one piece; to be asked after everything that happens,
    /// and at [`wake`](Self::wake).
    pub fn poll(&mut self, now: Instant) -> Vec<u8> {
        self.expire(now);
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle => self.paste(now),
            Phase::Pasted(nudge, since) => self.enter(nudge, since, now),
            Phase::Entered(since) => {
                let changed = self.last_output > since && self.settled(now);
                if changed || now.duration_since(since) >= ENTER_LIMIT {
                    return self.release(now);
                }
                self.phase = Phase::Entered(since);
                Vec::new()
            }
        }
    }

    /// When to poll, if nothing happens before.
    pub fn wake(&self, now: Instant) -> Option<Instant> {
        let settled = self.last_output + self.config.settle;
        let next = |due: Instant, limit: Instant| if due > now { due.min(limit) } else { limit };
        match &self.phase {
            Phase::Pasted(_, since) => Some(next(settled, *since + self.config.patience)),
            Phase::Entered(since) => Some(next(settled, *since + ENTER_LIMIT)),
            Phase::Idle => {
                let expires = self.waiting.iter().map(|nudge| nudge.expires).min()?;
                Some(next(self.calm(), expires))
            }
        }
    }

    /// What became of nudges since this was last asked.
    pub fn outcomes(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.outcomes)
    }

    /// From when on the terminal counts as quiet, if nothing happens before.
    fn calm(&self) -> Instant {
        (self.last_output + self.config.quiet).max(self.last_key + self.config.still)
    }

    fn settled(&self, now: Instant) -> bool {
        now >= self.last_output + self.config.settle
    }

    fn expire(&mut self, now: Instant) {
        let (waiting, expired) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|nudge| nudge.expires > now);
        self.waiting = waiting;
        self.outcomes
            .extend(Vec::into_iter(expired).map(Outcome::Expired));
    }

    fn paste(&mut self, now: Instant) -> Vec<u8> {
        let may = !self.waiting.is_empty()
            && now >= self.calm()
            && self.line.is_empty()
            && self.config.prompts.empty_one(&self.screen).is_some();
        if !may {
            return Vec::new();
        }
        let nudge = self.waiting.remove(0);
        let bytes = if self.screen.takes_pastes() {
            format!("\x1b[200~{}\x1b[201~", nudge.line)
        } else {
            nudge.line.clone()
        };
        self.phase = Phase::Pasted(nudge, now);
        bytes.into_bytes()
    }

    fn enter(&mut self, nudge: Nudge, since: Instant, now: Instant) -> Vec<u8> {
        let drawn = self.last_output > since && self.settled(now);
        if drawn && self.config.prompts.shows(&self.screen, &nudge.line) {
            self.outcomes.push(Outcome::Typed(nudge));
            self.phase = Phase::Entered(now);
            return b"\r".to_vec();
        }
        if now.duration_since(since) < self.config.patience {
            self.phase = Phase::Pasted(nudge, since);
            return Vec::new();
        }
        // Something else has come up, and Enter would answer it.
        self.outcomes.push(Outcome::Abandoned(nudge));
        self.line.lose_track();
        self.release(now)
    }

    fn release(&mut self, now: Instant) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return held;
        }
        self.input(held, now)
    }
}

#[cfg(test)]
mod tests;
