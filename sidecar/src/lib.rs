//! What others may use of the sidecar: the player of scripted model answers, for the demo and for tests.
//! The program itself is `main.rs`.

#[cfg(feature = "demo")]
pub mod player;
