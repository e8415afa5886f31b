//! The person's own terminal.

use std::io::{self, IsTerminal as _};

use paige_pty::Size;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// Of a terminal that does not say how large it is, and where there is none.
const USUAL: (u16, u16) = (24, 80);

/// Whether a person sits before this process: keys come from a terminal, and it shows what is written.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// How large the terminal is.
pub(super) fn size() -> Size {
    let told = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stdin()));
    match told {
        Ok(told) if told.ws_row > 0 && told.ws_col > 0 => Size {
            rows: told.ws_row,
            columns: told.ws_col,
            width: told.ws_xpixel,
            height: told.ws_ypixel,
        },
        _ => Size::new(USUAL.0, USUAL.1),
    }
}

/// The terminal gives every key as it is, until this is dropped.
pub(super) struct Raw {
    before: Termios,
}

impl Raw {
    /// Switches the terminal behind stdin; `None` where there is none.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn begin() -> io::Result<Option<Self>> {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(io::stdin())?;
        let raw = Self { before };
        raw.again()?;
        Ok(Some(raw))
    }

    /// Switches it once more, after [`pause`](Self::pause).
    pub(super) fn again(&self) -> io::Result<()> {
        let mut raw = self.before.clone();
        raw.make_raw();
        Ok(tcsetattr(io::stdin(), OptionalActions::Now, &raw)?)
    }

    /// Gives it back as it was.
    pub(super) fn pause(&self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.pause();
    }
}
