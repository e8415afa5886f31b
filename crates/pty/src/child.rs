//! [`Child`]: the program in a terminal, and how it ends.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, waitid,
};

/// So long a program may take to end after the terminal is gone.
const END_LIMIT: Duration = Duration::from_millis(300);

/// The program in a terminal; clones are of the same program.
#[derive(Debug, Clone)]
pub struct Child(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Also the group and the session that it leads.
    pid: Pid,
    /// How it ended. While there is none, the id is its own and no stranger's.
    exit: Mutex<Option<Exit>>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// As a shell tells it: the code, or 128 and the number of the signal.
    pub fn code(self) -> u8 {
        let code = match self {
            Self::Code(code) => code,
            Self::Signal(signal) => signal.saturating_add(128),
        };
        u8::try_from(code & 0xff).unwrap_or(u8::MAX)
    }
}

/// What has become of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It has stopped itself, and goes on at SIGCONT.
    Stopped,
    /// It has ended.
    Ended(Exit),
}

impl Child {
    pub(crate) fn new(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        Some(Self(Arc::new(Inner {
            pid,
            exit: Mutex::new(None),
        })))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits until it stops or ends; when it has ended, that is said again.
    ///
    /// # Errors
    /// Those of the system.
    pub fn wait(&self) -> io::Result<Change> {
        loop {
            if let Some(exit) = *self.0.exit.lock() {
                return Ok(Change::Ended(exit));
            }
            // First looked at, then taken under the lock: its id is another's as soon as it is taken.
            let look = WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
            match waitid(WaitId::Pid(self.0.pid), look) {
                Err(rustix::io::Errno::INTR) => continue,
                // Another thread has taken it.
                Err(rustix::io::Errno::CHILD) if self.0.exit.lock().is_some() => continue,
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
            if let Some(change) = self.take()? {
                return Ok(change);
            }
        }
    }

    /// Sends a signal to it and its group; false when it has ended.
    ///
    /// # Errors
    /// Those of the system.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        let exit = self.0.exit.lock();
        if exit.is_some() {
            return Ok(false);
        }
        match kill_process_group(self.0.pid, signal) {
            Ok(()) => Ok(true),
            // It has ended and was not waited for.
            Err(rustix::io::Errno::SRCH | rustix::io::Errno::PERM) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends it as a terminal that is closed does, and by force when that does not help.
    pub fn end(&self) {
        let asked = Instant::now();
        // One that has stopped itself hears nothing else.
        for signal in [Signal::HUP, Signal::CONT] {
            let _ = self.signal(signal);
        }
        while self.0.exit.lock().is_none() {
            match self.take() {
                Ok(Some(Change::Ended(_))) | Err(_) => return,
                _ if asked.elapsed() >= END_LIMIT => {
                    let _ = self.signal(Signal::KILL);
                    while let Ok(Change::Stopped) = self.wait() {}
                    return;
                }
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn take(&self) -> io::Result<Option<Change>> {
        let mut exit = self.0.exit.lock();
        if let Some(exit) = *exit {
            return Ok(Some(Change::Ended(exit)));
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        let Some(status) = waitid(WaitId::Pid(self.0.pid), options)? else {
            return Ok(None);
        };
        if status.stopped() {
            return Ok(Some(Change::Stopped));
        }
        let ended = ended(&status);
        *exit = Some(ended);
        Ok(Some(Change::Ended(ended)))
    }
}

fn ended(status: &WaitIdStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Code(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_a_shell() {
        for (exit, code) in [
            (Exit::Code(0), 0),
            (Exit::Code(3), 3),
            (Exit::Signal(2), 130),
            (Exit::Signal(15), 143),
        ] {
            assert_eq!(exit.code(), code);
        }
    }
}
