//! The memory over its real parts: the real model, a real Chroma server, and story 8.
//!
//! `cargo xtask test` puts both into the target folder. Tests that need the server have `over_chroma`
//! in their names, those that need the model `with_the_model`.

#[path = "memory/contract.rs"]
mod contract;
#[path = "memory/download.rs"]
mod download;
#[path = "memory/outage.rs"]
mod outage;
#[path = "memory/recall.rs"]
mod recall;
#[path = "memory/scene.rs"]
mod scene;
#[path = "memory/story8.rs"]
mod story8;
#[path = "memory/vectors.rs"]
mod vectors;
