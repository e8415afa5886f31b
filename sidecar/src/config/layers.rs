//! Where a setting's text comes from: the command line or the environment, else the `.env` file.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Problem;
use crate::cli::Settings;
use crate::data_dir::DataDir;

/// The layers below what clap read. An empty value counts as not given, in every layer.
pub(super) struct Layers {
    file: BTreeMap<String, String>,
    warnings: Vec<String>,
}

impl Layers {
    /// Finds the data directory and reads the file of settings.
    pub(super) fn new(settings: &Settings, problems: &mut Vec<Problem>) -> (Self, Option<DataDir>) {
        let mut layers = Self {
            file: BTreeMap::new(),
            warnings: Vec::new(),
        };
        let mut wrong = |variable, what| problems.push(Problem { variable, what });

        let named = match layers.text("PAIGE_ENV_FILE", &settings.env_file) {
            Ok(named) => named.map(|path| home(&path)),
            Err(what) => {
                wrong("PAIGE_ENV_FILE", what);
                None
            }
        };
        if let Some(path) = &named {
            match path.clone().and_then(|path| read(&path)) {
                Ok(Some(file)) => layers.file = file,
                Ok(None) => wrong(
                    "PAIGE_ENV_FILE",
                    "there is no such file. Name one that exists, or leave the setting away."
                        .to_owned(),
                ),
                Err(what) => wrong("PAIGE_ENV_FILE", what),
            }
        }

        let data = layers
            .text("DATA_DIR", &settings.data_dir)
            .and_then(|text| home(text.as_deref().unwrap_or("~/.paige")))
            .and_then(|path| {
                std::path::absolute(path).map_err(|error| format!("it is not a path: {error}."))
            });
        let data = match data {
            Ok(path) => DataDir::new(path),
            Err(what) => {
                wrong("DATA_DIR", what);
                return (layers, None);
            }
        };
        if named.is_none() {
            let path = data.env_file();
            match read(&path) {
                Ok(Some(mut file)) => {
                    if file.remove("DATA_DIR").is_some() {
                        layers.warnings.push(format!(
                            "DATA_DIR in {} has no effect: the file was found by it.",
                            path.display()
                        ));
                    }
                    layers.file = file;
                    layers.warnings.extend(readable_by_others(&path));
                }
                Ok(None) => {}
                Err(what) => wrong("PAIGE_ENV_FILE", what),
            }
        }
        (layers, Some(data))
    }

    /// The text of a setting, unless it is given nowhere or is empty.
    pub(super) fn text(
        &self,
        variable: &str,
        given: &Option<OsString>,
    ) -> Result<Option<String>, String> {
        match given
            .as_deref()
            .filter(|text| !text.is_empty())
            .map(OsStr::to_str)
        {
            Some(Some(text)) => Ok(Some(text.to_owned())),
            Some(None) => {
                Err("it is not UTF-8. Use a value, and a folder name, that is.".to_owned())
            }
            None => Ok(self
                .file
                .get(variable)
                .filter(|text| !text.is_empty())
                .cloned()),
        }
    }

    /// Whether the file names the setting, with nothing behind.
    pub(super) fn has_empty(&self, variable: &str) -> bool {
        self.file.get(variable).is_some_and(String::is_empty)
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

/// A path with its leading `~` replaced by the home folder.
pub(super) fn home(path: &str) -> Result<PathBuf, String> {
    let Some(rest) = path
        .strip_prefix('~')
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
    else {
        return Ok(PathBuf::from(path));
    };
    let home = std::env::home_dir()
        .filter(|home| home.is_absolute())
        .ok_or_else(|| {
            format!(
                "{path:?} needs a home folder, and HOME is not set. Give a path that starts with /."
            )
        })?;
    Ok(home.join(rest.trim_start_matches('/')))
}

/// The settings in a file; `None` when there is no file. No message shows a value: it may be a key.
fn read(path: &Path) -> Result<Option<BTreeMap<String, String>>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        // That the data directory is a file is said when it is to be made.
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(format!(
                "{} cannot be read: {error}. Correct the file or its rights.",
                path.display()
            ));
        }
    };
    dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map(Some)
        .map_err(|error| {
            let line = match &error {
                dotenvy::Error::LineParse(line, _) => text.lines().position(|candidate| {
                    line.contains(candidate.trim()) && !candidate.trim().is_empty()
                }),
                _ => None,
            };
            let place = line
                .map(|index| format!(", line {}", index + 1))
                .unwrap_or_default();
            format!(
                "{}{place} is not of the form NAME=value. Correct it.",
                path.display()
            )
        })
}

fn readable_by_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        format!(
            "Other users can read {}. If a key is in it, run `chmod 600` on it.",
            path.display()
        )
    })
}
