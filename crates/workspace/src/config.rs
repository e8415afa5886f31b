//! [`Config`]: what of the workspace can be configured.

use std::time::Duration;

/// Plain values; the sidecar finds, reads and layers them (blueprint §1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The largest file that is read as text, in bytes.
    pub max_file_bytes: u64,
    /// Names of folders that are neither shown nor watched, at any depth.
    pub noise_folders: Vec<String>,
    /// Whether folders that a `.gitignore` of the project excludes are left out as well. Ignored
    /// *files*, such as `.env`, are always shown.
    pub respect_gitignored_folders: bool,
    /// Whether the tree is kept up to date. Without it every [`tree`](crate::Workspace::tree) scans.
    pub watch: bool,
    /// The most folders to place watches on; changes in the others are found by polling.
    /// 0: poll only, for file systems that report no changes.
    pub max_watches: usize,
    /// How often folders without a watch are compared with the disk. It is stretched on its own
    /// when one comparison is costly.
    pub poll_interval: Duration,
    /// How long the first event of a quiet path waits, so that "create, write, close" is one change.
    pub grace: Duration,
    /// The least time between two reports about the same path.
    pub settle: Duration,
    /// More paths than this within [`flood_window`](Self::flood_window) are reported as one
    /// [`Flood`](crate::FileEvent::Flood).
    pub flood_threshold: usize,
    /// The stretch of time in which changed paths are counted; also the longest that a flood is held.
    pub flood_window: Duration,
    /// A flood is over when nothing happened for this long, unless the last one was just before.
    pub calm: Duration,
}

impl Default for Config {
    fn default() -> Self {
        // What every project has, and what other tools fill with files that nobody edits. A build folder that
        // a project calls otherwise is usually in its `.gitignore`.
        let noise = [
            ".cache",
            ".git",
            ".hg",
            ".next",
            ".svn",
            ".turbo",
            ".venv",
            "__pycache__",
            "build",
            "coverage",
            "dist",
            "node_modules",
            "target",
        ];
        Self {
            max_file_bytes: 5 * 1024 * 1024,
            noise_folders: noise.map(str::to_owned).to_vec(),
            respect_gitignored_folders: true,
            watch: true,
            max_watches: usize::MAX,
            poll_interval: Duration::from_secs(5),
            grace: Duration::from_millis(2),
            settle: Duration::from_millis(25),
            flood_threshold: 200,
            flood_window: Duration::from_secs(1),
            calm: Duration::from_millis(50),
        }
    }
}

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field of [`Config`].
    pub name: &'static str,
    /// A whole sentence that says what to do.
    pub message: String,
}

impl Config {
    /// One entry per setting that makes no sense; empty when all is well.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |name, message: &str| {
            problems.push(Problem {
                name,
                message: message.to_owned(),
            });
        };
        if self.max_file_bytes == 0 {
            problem(
                "max_file_bytes",
                "With a limit of 0 bytes no file could be opened. Set it to at least 1.",
            );
        }
        for name in &self.noise_folders {
            if name.trim().is_empty() || name.contains('/') || name == "." || name == ".." {
                problem(
                    "noise_folders",
                    &format!("{name:?} is not the name of a folder. Give names without `/`."),
                );
            }
        }
        if self.poll_interval < Duration::from_millis(10) {
            problem(
                "poll_interval",
                "Polling more often than every 10 ms keeps a core busy. Set a longer interval.",
            );
        }
        if self.flood_threshold == 0 {
            problem(
                "flood_threshold",
                "With a threshold of 0 no change could be reported on its own. Set it to at least 1.",
            );
        }
        for (name, time) in [
            ("grace", self.grace),
            ("settle", self.settle),
            ("calm", self.calm),
        ] {
            if time > self.flood_window {
                problem(
                    name,
                    &format!(
                        "It must not be longer than flood_window. Set it to at most {:?}.",
                        self.flood_window
                    ),
                );
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_setting_is_named_at_once() {
        assert_eq!(Config::default().validate(), []);
        let wrong = Config {
            max_file_bytes: 0,
            noise_folders: vec!["a/b".into(), "dist".into(), " ".into()],
            poll_interval: Duration::ZERO,
            flood_threshold: 0,
            calm: Duration::from_secs(9),
            ..Config::default()
        };
        let names: Vec<_> = wrong
            .validate()
            .iter()
            .map(|problem| problem.name)
            .collect();
        assert_eq!(
            names,
            [
                "max_file_bytes",
                "noise_folders",
                "noise_folders",
                "poll_interval",
                "flood_threshold",
                "calm"
            ]
        );
    }
}
