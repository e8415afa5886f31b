//! `paige-sidecar`: the command line, the configuration and the process contract (blueprint §3).
//!
//! It composes the other rooms and decides nothing of its own. It alone reads the environment and the
//! command line; everything below gets plain values.

mod cli;
mod commands;
mod compose;
mod config;
mod crash;
mod data_dir;
#[cfg(feature = "demo")]
mod demo;
mod exit;
mod hook;
mod lifecycle;
mod logging;
mod mind;
mod rendezvous;
mod serve;
mod tokens;
mod trim;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::exit::{Exit, Failure, tell};

fn main() -> ExitCode {
    let Cli { settings, command } = Cli::parse();
    let result = match command {
        Some(Command::Run(args)) => {
            match config::data_dir(&settings).and_then(|data| commands::run(&data, &args)) {
                Ok(code) => return code,
                Err(failure) => Err(failure),
            }
        }
        None | Some(Command::Serve) => {
            config::load(&settings).and_then(|config| serve::run(config, serve::announce))
        }
        #[cfg(feature = "demo")]
        Some(Command::Demo) => demo::run(&settings),
        Some(Command::Status { json }) => {
            config::data_dir(&settings).and_then(|data| commands::status(&data, json))
        }
        Some(Command::Stop) => config::data_dir(&settings).and_then(|data| commands::stop(&data)),
        Some(Command::Logs { lines, follow }) => {
            config::data_dir(&settings).and_then(|data| commands::logs(&data, lines, follow))
        }
        Some(Command::Sessions { json }) => {
            config::data_dir(&settings).and_then(|data| commands::sessions(&data, json))
        }
        Some(Command::Export {
            session,
            format,
            output,
            force,
        }) => config::data_dir(&settings)
            .and_then(|data| commands::export(&data, session, format, output.as_deref(), force)),
        Some(Command::Models { json }) => {
            config::mind(&settings, false).map(|(_, mind, _)| commands::models(&mind, json))
        }
        Some(Command::Prompts { command }) => config::mind(&settings, command.asks())
            .and_then(|(data, mind, coach)| commands::prompts(&data, &mind, &coach, &command)),
        Some(Command::Memory { command }) => config::mind(&settings, false)
            .and_then(|(data, mind, _)| commands::memory(&data, &mind, command)),
        Some(Command::Observer { command }) => config::mind(&settings, command.asks())
            .and_then(|(_, mind, coach)| commands::observer(&mind, &coach, command)),
        Some(Command::Tokens { rotate, json }) => {
            config::data_dir(&settings).and_then(|data| commands::tokens(&data, rotate, json))
        }
        Some(Command::Replay { session, speed }) => {
            config::data_dir(&settings).and_then(|data| commands::replay(&data, session, speed))
        }
        Some(Command::Mcp { serve: false }) => commands::mcp(&settings),
        Some(Command::Mcp { serve: true }) => {
            // It outlives who started it: no signal of a terminal reaches another session.
            let _ = rustix::process::setsid();
            config::load(&settings).and_then(|config| serve::run(config, serve::announce))
        }
        Some(Command::McpHeaders) => {
            config::data_dir(&settings).and_then(|data| commands::mcp_headers(&data))
        }
        Some(Command::InstallPlugin { from, yes }) => {
            commands::install(&settings, from.as_deref(), yes)
        }
        Some(Command::Doctor { json }) => commands::doctor(&settings, json),
        Some(Command::UninstallPlugin { yes }) => commands::uninstall(&settings, yes),
        Some(Command::Hook { event, limit_ms }) => return hook::run(settings, &event, limit_ms),
        Some(Command::Forget {
            session,
            project,
            yes,
        }) => config::mind(&settings, false).and_then(|(data, mind, _)| {
            let what = commands::Forget::of(session, project)?;
            commands::forget(&data, &mind, &what, yes)
        }),
    };
    match result {
        Ok(()) => Exit::Ok.into(),
        Err(Failure { exit, message }) => {
            if !message.is_empty() {
                tell(&message);
            }
            exit.into()
        }
    }
}
