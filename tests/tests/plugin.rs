//! The plugin of Claude Code: its files, and the commands of the sidecar that connect, install and check it.

#[path = "plugin/files.rs"]
mod files;
