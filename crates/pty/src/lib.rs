//! Pseudo-terminals, and the injector that types a nudge into one (blueprint §1).
//!
//! A [`Terminal`] is a pseudo-terminal with a program in it. A [`Session`] follows one, and hands all that
//! passes through it to an [`Injector`]: what the program shows, what the person types, and the nudges.
//! That says when a nudge may be typed: at the program's own prompt, when nothing moves and nothing is
//! half typed. It has no clock and no file descriptor, so that a test can drive it.

mod child;
mod config;
mod injector;
mod line;
mod prompt;
mod screen;
mod session;
mod terminal;

pub use child::{Change, Child, Exit};
pub use config::{Config, Problem};
pub use injector::{Injector, LONGEST_NUDGE, Nudge, NudgeError, Outcome};
pub use prompt::{Prompts, PromptsError};
pub use screen::Screen;
pub use session::{Event, Session, Teller};
pub use terminal::{Command, Input, Modes, Size, Terminal, TerminalError};
