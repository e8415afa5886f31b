//! [`Exit`]: the exit codes, and [`Failure`]: an exit code with the sentence for the person.

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

/// How the process ends (blueprint §3). The table of the README is made of these lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It did what it was asked to, a stop by signal included.
    Ok = 0,
    /// One or more settings are missing or wrong; the message names them all. `doctor`: something has to be
    /// mended.
    Configuration = 1,
    /// The command line could not be understood, or lacks the `--yes` that nobody is there to say.
    /// clap ends the process with this code itself.
    Usage = 2,
    /// The port is taken; the message names the holder where it is known.
    PortTaken = 3,
    /// Another sidecar holds the data directory.
    DataDirHeld = 4,
    /// The database cannot be used: newer, damaged, read-only or the disk is full; `sessions` and
    /// `export`: it is older.
    Database = 5,
    /// The stop took too long and was cut off.
    StopTooSlow = 6,
    /// `--tokens-stdin`: the line with the tokens did not come in time or was not right.
    Tokens = 7,
    /// `status` and `stop`: no sidecar runs on this data directory; `logs`: it has no log yet.
    NotRunning = 8,
    /// There is no such session or project; `export`: or the file cannot be written or is there already;
    /// `prompts try`: an answer is of no use; `observer eval`: a file cannot be read, is no export, or its
    /// model cannot be asked; `install-plugin`: the settings cannot be changed.
    Refused = 9,
    /// Something failed that should not; the message and the log have the details.
    Internal = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ends before it did its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The code.
    pub(crate) exit: Exit,
    /// For the person: what happened and what to do next, in whole sentences.
    pub(crate) message: String,
}

impl Failure {
    /// A failure with this code and message.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    /// A failure of which the person can only report the details.
    pub(crate) fn internal(what: &str, error: impl fmt::Display) -> Self {
        Self::new(Exit::Internal, format!("{what}: {error}."))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// One text on stderr, for people. A closed stderr is no reason to fail.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
}

/// One text on stdout: what a command was asked for. A reader that left (`| head`) is no reason to fail.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", text.trim_end());
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_published_ones() {
        let table = [
            (Exit::Ok, 0),
            (Exit::Configuration, 1),
            (Exit::Usage, 2),
            (Exit::PortTaken, 3),
            (Exit::DataDirHeld, 4),
            (Exit::Database, 5),
            (Exit::StopTooSlow, 6),
            (Exit::Tokens, 7),
            (Exit::NotRunning, 8),
            (Exit::Refused, 9),
            (Exit::Internal, 70),
        ];
        for (exit, code) in table {
            assert_eq!(exit as u8, code, "{exit:?}");
        }
    }
}
