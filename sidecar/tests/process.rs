//! Black-box tests of the process contract (blueprint §3): the built binary, its streams, files,
//! signals and exit codes.

#![allow(
    clippy::unwrap_used,
    reason = "a test that fails does so by a panic, in its helpers too"
)]

#[path = "process/commands.rs"]
mod commands;
#[path = "process/configuration.rs"]
mod configuration;
#[path = "process/secrets.rs"]
mod secrets;
#[path = "process/sockets.rs"]
mod sockets;
#[path = "process/starting.rs"]
mod starting;
#[path = "process/stopping.rs"]
mod stopping;
#[path = "process/supervision.rs"]
mod supervision;
#[path = "process/support.rs"]
mod support;
