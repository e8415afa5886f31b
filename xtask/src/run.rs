//! Running other programs.

use std::{
    ffi::OsStr,
    fmt,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// A program to be run.
pub(crate) struct Run(Command);

impl Run {
    /// Any program of the search path.
    pub(crate) fn program(name: impl AsRef<OsStr>) -> Self {
        Self(Command::new(name))
    }

    /// The cargo that runs this task.
    pub(crate) fn cargo<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::program(cargo).args(args)
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.0.args(args);
        self
    }

    /// Sets the folder it runs in.
    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it to its end; what it prints is seen.
    pub(crate) fn go(mut self) -> Result<()> {
        let status = self
            .0
            .status()
            .with_context(|| format!("cannot run `{self}`"))?;
        if !status.success() {
            bail!("`{self}` failed: {status}");
        }
        Ok(())
    }

    /// Runs it to its end and takes what it prints on stdout.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self
            .0
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run `{self}`"))?;
        if !output.status.success() {
            bail!("`{self}` failed: {}", output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{self}` does not print UTF-8"))
    }

    /// Whether it runs at all and ends well; nothing it prints is seen.
    pub(crate) fn works(mut self) -> bool {
        let run = self
            .0
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        run.status().is_ok_and(|status| status.success())
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.get_program().to_string_lossy())?;
        for arg in self.0.get_args() {
            write!(f, " {}", arg.to_string_lossy())?;
        }
        Ok(())
    }
}
