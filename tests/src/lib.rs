//! What the black-box tests share: the built binary, a project to run it on, and clients of its two
//! doors. Everything goes through the real binary, real sockets, real files and a real database.

pub mod mcp;
pub mod project;
pub mod sidecar;
pub mod ws;

pub use project::Project;
pub use sidecar::Sidecar;
pub use ws::Socket;
