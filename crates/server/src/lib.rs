//! x

pub mod guard;
pub mod http;
