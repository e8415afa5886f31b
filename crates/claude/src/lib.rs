//! The Anthropic Messages API, as Paige uses it (blueprint §6, spec: story 7).
//!
//! A [`Client`] asks for one structured answer ([`Client::ask`]), for prose ([`Client::prose`]), or for prose
//! that is told piece by piece ([`Client::stream`]); in each the model may call a [`Tool`] of the caller. Models and prices are data ([`Models`]); what an attempt costs is told to a
//! [`Ledger`], which may refuse it before it is sent. Whatever goes wrong is a [`ClaudeError`].
//!
//! The room opens outgoing connections to one base URL and knows nothing else of the outside: no
//! files, no environment, no database, no coaching.

mod assembly;
mod attempt;
mod call;
mod client;
mod config;
mod error;
mod ledger;
mod models;
mod request;
mod schema;
mod structured;
mod tools;
mod transport;
mod usage;
mod wire;

pub use client::Client;
pub use config::{Concurrency, Config, Problem};
pub use error::{ClaudeError, Kind};
pub use ledger::{Ledger, LedgerError, Planned, Settled};
pub use models::{Band, Model, Models, Price, Tier};
pub use paige_protocol::process::Secret;
pub use request::{Answer, Check, Citation, Request, SearchResult};
pub use schema::{SchemaError, adapted};
pub use tools::Tool;
pub use usage::{Usage, UsageReport};
