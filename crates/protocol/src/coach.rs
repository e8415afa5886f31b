//! The coaching desk: its messages, tools and timeline entries.

pub mod action;
pub mod coaching;
pub mod connection;
pub mod dashboard;
pub mod editor;
pub mod files;
pub mod hints;
pub mod hooks;
pub mod messages;
pub mod practice;
pub mod replay;
pub mod session;
pub mod timeline;
pub mod tools;

pub use action::Action;
pub use messages::{ClientFrame, ClientMessage, ServerFrame, ServerMessage};
pub use timeline::{TimelineEntry, TimelinePage};
