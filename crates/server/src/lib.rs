//! The human's door: the guard, the WebSocket and its hub, the timeline, the replay, health.
//!
//! It puts any door that it is handed behind the same guard, and knows none of them. It is the one
//! room beside the sidecar that holds the pen: the desktop UI saves files, and Claude, whose door is
//! elsewhere, cannot.

mod desk;
mod dispatch;
pub mod guard;
mod hook;
pub mod http;
mod hub;
mod queue;
mod replay;
mod timeline;
mod ws;

pub use desk::{Door, Parts};
pub use dispatch::Facts;
pub use hub::{Config, Hub};
pub use ws::close;
