//! [`Session`]: a terminal with its injector, as one thing to wait for.

use std::collections::VecDeque;
use std::io::{self, Read, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::Instant;

use crate::{Change, Config, Injector, Input, Nudge, Outcome, Size, Terminal};

/// Events that may wait: a program that shows more than can be shown waits for it.
const MOST_EVENTS: usize = 64;
/// Pieces of input that may wait for a program that reads nothing.
const MOST_TYPED: usize = 64;
/// Bytes of a piece.
const PIECE: usize = 8 * 1024;

/// What happens in a terminal, or is told to the one who waits for it (`T`).
#[derive(Debug)]
pub enum Event<T> {
    /// The program has shown this.
    Output(Vec<u8>),
    /// It will show nothing more.
    OutputEnded,
    /// It has stopped or ended.
    Child(Change),
    /// The person has typed something; it is on its way. Whether it ends with a line, that says.
    Typed(bool),
    /// Nothing more will be typed.
    TypedAll,
    /// This has become of a nudge.
    Nudge(Outcome),
    /// Somebody with a [`Session::teller`] has said so.
    Told(T),
}

/// What comes in, before the injector has seen it.
enum Raw<T> {
    Event(Event<T>),
    Typed(Vec<u8>),
}

/// What goes to the program.
enum Keys {
    Injected(Vec<u8>),
    Typed(Vec<u8>),
}

/// A terminal with a program, whose output and input go through an [`Injector`].
pub struct Session<T> {
    terminal: Terminal,
    injector: Injector,
    outcomes: VecDeque<Outcome>,
    events: Receiver<Raw<T>>,
    sender: SyncSender<Raw<T>>,
    keys: Sender<Keys>,
    /// One place for each piece that was typed and not written yet.
    places: SyncSender<()>,
}

impl<T> std::fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("terminal", &self.terminal)
            .field("injector", &self.injector)
            .finish_non_exhaustive()
    }
}

/// Tells a session something.
#[derive(Debug)]
pub struct Teller<T>(SyncSender<Raw<T>>);

impl<T> Clone for Teller<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Teller<T> {
    /// Tells it; false when it is over. Waits while the session has much to do.
    pub fn tell(&self, what: T) -> bool {
        self.0.send(Raw::Event(Event::Told(what))).is_ok()
    }
}

impl<T: Send + 'static> Session<T> {
    /// Begins to follow a terminal.
    ///
    /// # Errors
    /// Those of the system, which has no handle or thread left.
    pub fn new(terminal: Terminal, config: Config, size: Size) -> io::Result<Self> {
        let (sender, events) = sync_channel(MOST_EVENTS);
        let (keys, pieces) = channel();
        let (places, taken) = sync_channel(MOST_TYPED);
        let (output, input) = (terminal.output()?, terminal.input());
        let child = terminal.child().clone();

        let told = sender.clone();
        spawn("output", move || follow(output, &told))?;
        spawn("input", move || write(input, &pieces, &taken))?;
        let told = sender.clone();
        spawn("child", move || {
            while let Ok(change) = child.wait() {
                let over = matches!(change, Change::Ended(_));
                if told.send(Raw::Event(Event::Child(change))).is_err() || over {
                    return;
                }
            }
        })?;
        Ok(Self {
            terminal,
            injector: Injector::new(config, size, Instant::now()),
            outcomes: VecDeque::new(),
            events,
            sender,
            keys,
            places,
        })
    }

    /// A way to tell it something from elsewhere, which [`next`](Self::next) returns.
    pub fn teller(&self) -> Teller<T> {
        Teller(self.sender.clone())
    }

    /// Types what comes from here, until it ends.
    ///
    /// # Errors
    /// Those of the system, which has no thread left.
    pub fn keyboard(&self, mut keyboard: impl Read + Send + 'static) -> io::Result<()> {
        let (sender, places) = (self.sender.clone(), self.places.clone());
        spawn("keyboard", move || {
            let mut piece = vec![0; PIECE];
            loop {
                let typed = match keyboard.read(&mut piece) {
                    Ok(0) => break,
                    Ok(length) => piece[..length].to_vec(),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(_) => break,
                };
                if places.send(()).is_err() || sender.send(Raw::Typed(typed)).is_err() {
                    return;
                }
            }
            let _ = sender.send(Raw::Event(Event::TypedAll));
        })
    }

    /// Types this, as the person would.
    pub fn type_in(&mut self, keys: &[u8]) {
        let written = self.injector.input(keys.to_vec(), Instant::now());
        self.write(Keys::Injected(written));
    }

    /// A nudge that waits for its time.
    pub fn nudge(&mut self, nudge: Nudge) {
        self.injector.nudge(nudge);
    }

    /// The window has another size.
    ///
    /// # Errors
    /// Those of the system.
    pub fn resize(&mut self, size: Size) -> io::Result<()> {
        self.injector.resize(size, Instant::now());
        self.terminal.resize(size)
    }

    /// The terminal.
    pub fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// What its screen shows.
    pub fn screen(&self) -> &crate::Screen {
        self.injector.screen()
    }

    /// Waits for what happens next, and types nudges meanwhile; `None` when nothing did until then.
    pub fn next(&mut self, until: Option<Instant>) -> Option<Event<T>> {
        loop {
            self.inject();
            if let Some(outcome) = self.outcomes.pop_front() {
                return Some(Event::Nudge(outcome));
            }
            let now = Instant::now();
            if until.is_some_and(|until| until <= now) {
                // What is there already is not left for later.
                return self.events.try_recv().ok().map(|raw| self.take(raw));
            }
            let due = [self.injector.wake(now), until].into_iter().flatten().min();
            let raw = match due {
                Some(due) => self.events.recv_timeout(due.saturating_duration_since(now)),
                // It never fails: this session could tell itself something.
                None => self
                    .events
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
            };
            match raw {
                Ok(raw) => return Some(self.take(raw)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn take(&mut self, raw: Raw<T>) -> Event<T> {
        let now = Instant::now();
        let event = match raw {
            Raw::Typed(keys) => {
                let ends_a_line = keys.ends_with(b"\n");
                let written = self.injector.input(keys, now);
                self.write(Keys::Typed(written));
                Event::Typed(ends_a_line)
            }
            Raw::Event(event) => event,
        };
        if let Event::Output(bytes) = &event {
            self.injector.output(bytes, now);
        }
        self.inject();
        event
    }

    fn inject(&mut self) {
        let written = self.injector.poll(Instant::now());
        if !written.is_empty() {
            self.write(Keys::Injected(written));
        }
        self.outcomes.extend(self.injector.outcomes());
    }

    fn write(&self, keys: Keys) {
        // The thread ends only with this session.
        let _ = self.keys.send(keys);
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let name = format!("terminal-{name}");
    std::thread::Builder::new().name(name).spawn(work).map(drop)
}

fn follow<T>(mut output: Box<dyn Read + Send>, told: &SyncSender<Raw<T>>) {
    let mut piece = vec![0; PIECE];
    loop {
        let event = match output.read(&mut piece) {
            Ok(0) => Event::OutputEnded,
            Ok(length) => Event::Output(piece[..length].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => Event::OutputEnded,
        };
        let over = matches!(event, Event::OutputEnded);
        if told.send(Raw::Event(event)).is_err() || over {
            return;
        }
    }
}

/// A thread of its own writes: a program that shows much and reads nothing must not stop what it shows.
fn write(mut input: Input, pieces: &Receiver<Keys>, taken: &Receiver<()>) {
    for keys in pieces {
        // Of a program that is gone, others tell.
        let _ = match &keys {
            Keys::Injected(bytes) | Keys::Typed(bytes) => input.write_all(bytes),
        };
        if matches!(keys, Keys::Typed(_)) {
            let _ = taken.try_recv();
        }
    }
}
