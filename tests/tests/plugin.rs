//! The plugin of Claude Code: its files, and the commands of the sidecar that connect, install and check it.

#[path = "plugin/bridge.rs"]
mod bridge;
#[path = "plugin/files.rs"]
mod files;
#[path = "plugin/install.rs"]
mod install;
#[path = "plugin/validation.rs"]
mod validation;
