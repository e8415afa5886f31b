//! [`Terminal`]: a pseudo-terminal with a program in it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{LocalModes, OptionalActions, OutputModes, tcgetattr, tcsetattr};

use crate::Child;

/// What is run in a terminal. Nothing is taken from this process: neither its environment nor its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program: a path, or a name that is looked for in the `PATH` of `environment`.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The folder it starts in.
    pub folder: PathBuf,
}

/// The size of a terminal, in characters and, where it is known, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters of a line.
    pub columns: u16,
    /// Pixels from left to right; 0 when they are not known.
    pub width: u16,
    /// Pixels from top to bottom; 0 when they are not known.
    pub height: u16,
}

impl Size {
    /// Of so many lines and characters.
    pub fn new(rows: u16, columns: u16) -> Self {
        Self {
            rows,
            columns,
            width: 0,
            height: 0,
        }
    }
}

impl From<Size> for PtySize {
    fn from(size: Size) -> Self {
        Self {
            rows: size.rows.max(1),
            cols: size.columns.max(1),
            pixel_width: size.width,
            pixel_height: size.height,
        }
    }
}

/// How a terminal begins; a program may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// What is typed is shown.
    pub echo: bool,
    /// A line feed that is shown also returns to the start of the line.
    pub returns: bool,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            echo: true,
            returns: true,
        }
    }
}

/// Why there is no terminal.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// There is no such program.
    #[error("The program `{}` is not found. Check its name, and whether it is installed.", .0.display())]
    NotFound(OsString),
    /// The program is there, but cannot be started.
    #[error("The program `{}` cannot be started: {reason}.", program.display())]
    Start {
        /// The program.
        program: OsString,
        /// What the system says.
        reason: String,
    },
    /// The system gives no terminal.
    #[error("The system gives no pseudo-terminal: {0}.")]
    Open(String),
}

/// A pseudo-terminal and the program in it, which is ended when this is dropped.
pub struct Terminal {
    // In this order: the program must be gone before the writer is, which sends an end of input that
    // a living program would take for Enter.
    child: Child,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    master: Box<dyn MasterPty + Send>,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal")
            .field("child", &self.child)
            .finish_non_exhaustive()
    }
}

impl Terminal {
    /// Starts a program in a new terminal, as the leader of a session of its own.
    ///
    /// # Errors
    /// No terminal, or no such program.
    pub fn start(command: &Command, size: Size, modes: Modes) -> Result<Self, TerminalError> {
        let open = |error: &dyn std::fmt::Display| TerminalError::Open(error.to_string());
        let pair = native_pty_system()
            .openpty(size.into())
            .map_err(|error| open(&error))?;
        if modes != Modes::default()
            && let Some(name) = pair.master.tty_name()
        {
            set_modes(&name, modes).map_err(|error| open(&error))?;
        }
        let reason = |reason: String| TerminalError::Start {
            program: command.program.clone(),
            reason,
        };
        if !command.folder.is_dir() {
            let folder = command.folder.display();
            return Err(reason(format!("the folder {folder} is not there")));
        }
        if !exists(command) {
            return Err(TerminalError::NotFound(command.program.clone()));
        }
        let mut builder = CommandBuilder::new(&command.program);
        builder.args(&command.arguments);
        builder.env_clear();
        for (name, value) in &command.environment {
            builder.env(name, value);
        }
        builder.cwd(&command.folder);
        let child = pair
            .slave
            .spawn_command(builder)
            .map_err(|error| reason(error.root_cause().to_string()))?;
        let child = child
            .process_id()
            .and_then(Child::new)
            .ok_or_else(|| reason("it has no process id".to_owned()))?;
        let writer = pair.master.take_writer().map_err(|error| open(&error))?;
        Ok(Self {
            child,
            writer: Arc::new(Mutex::new(writer)),
            master: pair.master,
        })
    }

    /// What the program shows. The end is reached when it is gone and everything was read.
    ///
    /// # Errors
    /// Those of the system, which has no handle left.
    pub fn output(&self) -> io::Result<Box<dyn Read + Send>> {
        self.master.try_clone_reader().map_err(io::Error::other)
    }

    /// The way to the program, as a keyboard has it. It is one way, however many have it.
    pub fn input(&self) -> Input {
        Input(Arc::clone(&self.writer))
    }

    /// The program.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Tells the program that the window has another size.
    ///
    /// # Errors
    /// Those of the system.
    pub fn resize(&self, size: Size) -> io::Result<()> {
        self.master.resize(size.into()).map_err(io::Error::other)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.end();
    }
}

/// What a program reads as keys. Writing waits while the program reads nothing.
#[derive(Clone)]
pub struct Input(Arc<Mutex<Box<dyn Write + Send>>>);

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Input")
    }
}

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().flush()
    }
}

fn set_modes(terminal: &Path, modes: Modes) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open(terminal, flags, Mode::empty())?;
    let mut attributes = tcgetattr(&terminal)?;
    attributes.local_modes.set(LocalModes::ECHO, modes.echo);
    attributes
        .output_modes
        .set(OutputModes::ONLCR, modes.returns);
    tcsetattr(&terminal, OptionalActions::Now, &attributes)?;
    Ok(())
}

/// Whether there is a file that the program can be; whether it can be run, its start tells.
fn exists(command: &Command) -> bool {
    let program = Path::new(&command.program);
    if program.components().count() != 1 || program.is_absolute() {
        return command.folder.join(program).exists();
    }
    let path = command.environment.iter().find(|(name, _)| name == "PATH");
    path.is_some_and(|(_, path)| {
        path.as_bytes().split(|byte| *byte == b':').any(|folder| {
            let folder = command.folder.join(OsStr::from_bytes(folder));
            folder.join(program).is_file()
        })
    })
}
