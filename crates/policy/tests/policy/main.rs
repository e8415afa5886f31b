//! The read-only rule, by examples: a corpus of commands, an attack, chance, and what really happens.

mod attack;
mod corpus;
mod fuzz;
mod lines;
#[cfg(target_os = "linux")]
mod sandbox;
