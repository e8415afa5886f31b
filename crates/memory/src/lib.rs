//! What Paige remembers across sessions (blueprint §1; spec: story 8).
//!
//! There is one interface, [`Memory`], and there are two homes. The record, `memory.db`, always has
//! everything: text, metadata and vectors; alone it is the *embedded* home. When the address of a
//! *Chroma* server is configured, that server is a search index which is filled from the record and
//! caught up after an outage. One [`Embedder`] serves both; while there is none, the record is
//! searched by words (BM25), and the answer says so.
//!
//! Whatever is slow or down, an operation waits for it [`Config::patience`] at most, and then does
//! with the record alone. The room knows nothing of sessions or prompts; to it a session is a number.

mod chroma;
mod config;
mod embedder;
mod error;
mod fetch;
mod index;
mod memory;
mod model;
mod record;
mod records;
mod vector;

#[cfg(feature = "embed-local")]
mod minilm;

pub use config::{Config, Problem};
pub use embedder::{EmbedError, Embedder, ModelState, Source};
pub use error::MemoryError;
pub use memory::Memory;
pub use model::{
    Added, Entry, Export, Filter, Forget, Forgotten, Importance, Metadata, NewMemory, Query,
    Recall, RecallBy, Recalled,
};
