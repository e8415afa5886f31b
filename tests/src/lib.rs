//! What the black-box tests share: the built binary, a project to run it on, and clients of its two
//! doors. Everything goes through the real binary, real sockets, real files and a real database.

pub mod anthropic;
pub mod browser;
pub mod chroma;
pub mod claude_code;
pub mod desk;
pub mod http;
pub mod mcp;
pub mod project;
pub mod record;
pub mod sidecar;
pub mod terminal;
pub mod trace;
pub mod ws;

pub use anthropic::Fake;
pub use browser::Browser;
pub use chroma::Chroma;
pub use claude_code::{ClaudeCode, Conversation};
pub use desk::Desk;
pub use mcp::Claude;
pub use project::Project;
pub use record::Record;
pub use sidecar::Sidecar;
pub use terminal::Person;
pub use ws::Socket;
