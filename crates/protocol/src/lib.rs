//! Every type of Paige that crosses a process boundary.
//!
//! The crate does no I/O and uses no other crate of ours, so that the contract can be read alone.
//! Its core ([`path`], [`error`], [`process`], [`envelope`]) knows nothing of coaching; the desk's
//! messages, tools and timeline entries are in [`coach`].

pub mod coach;
pub mod envelope;
pub mod error;
pub mod path;
pub mod process;
pub mod tree;
pub mod version;

pub use error::ErrorCode;
pub use path::{PathProblem, PathRefused, ProjectPath};
pub use version::Version;

/// The version of the wire, `major.minor`. Another major version is another protocol; a larger
/// minor version only adds.
pub const PROTOCOL_VERSION: &str = "1.0";
