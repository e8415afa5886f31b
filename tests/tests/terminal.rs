//! Terminals: a program that takes the screen, `paige-sidecar run`, and the real Claude Code CLI in it.

#[path = "terminal/claude.rs"]
mod claude;
#[path = "terminal/full_screen.rs"]
mod full_screen;
#[path = "terminal/run.rs"]
mod run;
