//! Claude's door over HTTP, with a real store, workspace and coach behind it.

mod scene;
mod sessions;
mod tools;
mod wire;
