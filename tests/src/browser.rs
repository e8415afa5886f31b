//! [`Browser`]: a real browser without a window, for what is made to be looked at.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::sidecar::PATIENCE;

/// What Chromium is called on different systems.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Chromium, with a profile of its own that is gone when it is dropped.
#[derive(Debug)]
pub struct Browser {
    program: &'static str,
    folder: TempDir,
}

/// A page as the browser had it after its scripts ran.
#[derive(Debug)]
pub struct Opened {
    /// The page as HTML.
    pub dom: String,
    /// What its scripts and the browser wrote to the console: errors, warnings, refusals.
    pub console: Vec<String>,
    /// A picture of it, a PNG.
    pub picture: PathBuf,
}

impl Browser {
    /// `None` where there is no Chromium.
    ///
    /// # Errors
    /// Also when there is none and `CI=true`: there nothing may be left out.
    #[expect(
        clippy::print_stdout,
        reason = "a test that is left out is named where its result would stand"
    )]
    pub fn find() -> Result<Option<Self>> {
        let works = |name: &&str| {
            Command::new(name)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        let Some(program) = NAMES.into_iter().find(works) else {
            if std::env::var("CI").is_ok_and(|ci| ci == "true") {
                bail!("Chromium is not installed, and with CI=true nothing may be left out");
            }
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("a test in a browser");
            println!("{name} is left out: Chromium is not installed");
            return Ok(None);
        };
        let folder = tempfile::Builder::new().prefix("paige-test-").tempdir()?;
        Ok(Some(Self { program, folder }))
    }

    /// Opens a file in a window of this size, without a network.
    pub fn open(&self, page: &Path, width: u32, height: u32) -> Result<Opened> {
        let inside = |name: &str| self.folder.path().join(name);
        let (dom, log, picture) = (inside("dom.html"), inside("log"), inside("picture.png"));
        // One run either dumps or draws.
        self.run(
            page,
            &["--dump-dom".to_owned(), size(width, height)],
            &dom,
            &log,
        )?;
        let told = std::fs::read_to_string(&log)?;
        self.run(
            page,
            &[
                format!("--screenshot={}", picture.display()),
                size(width, height),
            ],
            &inside("nothing"),
            &log,
        )?;
        let console = told.lines().filter(|line| line.contains(":CONSOLE"));
        Ok(Opened {
            dom: std::fs::read_to_string(&dom)?,
            console: console.map(str::to_owned).collect(),
            picture,
        })
    }

    fn run(&self, page: &Path, args: &[String], out: &Path, log: &Path) -> Result<()> {
        let mut child = Command::new(self.program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--hide-scrollbars",
                "--proxy-server=127.0.0.1:9",
                "--enable-logging=stderr",
                "--v=0",
            ])
            .arg(format!(
                "--user-data-dir={}",
                self.folder.path().join("profile").display()
            ))
            .args(args)
            .arg(format!("file://{}", page.display()))
            .stdin(Stdio::null())
            .stdout(File::create(out)?)
            .stderr(File::create(log)?)
            .spawn()
            .context("starting the browser")?;
        let deadline = Instant::now() + 3 * PATIENCE;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                bail!("the browser does not end");
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        };
        ensure!(
            status.success(),
            "the browser ended with {status}: {}",
            std::fs::read_to_string(log)?
        );
        Ok(())
    }
}

fn size(width: u32, height: u32) -> String {
    format!("--window-size={width},{height}")
}
