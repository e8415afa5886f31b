//! [`Config`]: the settings of the memory, plain values.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

/// Where the three files of the model are published.
const PUBLISHED: &str =
    "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/";

/// How the memory behaves. The defaults are what a person's machine should use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The address of a Chroma server, such as `http://localhost:8000`; without one the record is
    /// searched by this process.
    pub chroma_url: Option<String>,
    /// A folder with the model's `config.json`, `tokenizer.json` and `model.safetensors`. Without one
    /// the model is kept in `models/` beside the record.
    pub model_dir: Option<PathBuf>,
    /// Whether the model may be downloaded at its first use. Never done when `model_dir` is set.
    pub download: bool,
    /// Where the model's files are: an `https` address that ends in a slash, or `http` on this machine.
    pub download_url: String,
    /// The longest time that one operation waits in all for what may be slow: the model and the
    /// Chroma server.
    pub patience: Duration,
    /// How long after its last use the model leaves the process's memory.
    pub idle: Duration,
    /// How long after a failure the model is tried again; doubled by each further one, up to an hour.
    pub retry_after: Duration,
}

/// A setting that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field of the [`Config`].
    pub setting: &'static str,
    /// A whole sentence: what is wrong, and what would be right.
    pub message: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            chroma_url: None,
            model_dir: None,
            download: true,
            download_url: PUBLISHED.to_owned(),
            patience: Duration::from_secs(2),
            idle: Duration::from_secs(10 * 60),
            retry_after: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// Every setting that is wrong, not only the first.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut demand = |fine: bool, setting, message: String| {
            if !fine {
                problems.push(Problem { setting, message });
            }
        };
        if let Some(url) = &self.chroma_url {
            let fine = Url::parse(url).is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
            demand(
                fine,
                "chroma_url",
                format!(
                    "The address of the Chroma server is an http address such as http://localhost:8000, not `{url}`."
                ),
            );
        }
        demand(
            is_safe(&self.download_url),
            "download_url",
            format!(
                "The model is downloaded from an https address that ends in a slash, or an http address of this machine, not from `{}`.",
                self.download_url
            ),
        );
        for (setting, value) in [
            ("patience", self.patience),
            ("idle", self.idle),
            ("retry_after", self.retry_after),
        ] {
            demand(
                !value.is_zero(),
                setting,
                format!("The time `{setting}` of the memory is longer than nothing."),
            );
        }
        problems
    }
}

/// Nobody on the way can see or change what is fetched.
fn is_safe(url: &str) -> bool {
    let Ok(parsed) = Url::parse(url) else {
        return false;
    };
    let here = ["localhost", "127.0.0.1", "[::1]"].contains(&parsed.host_str().unwrap_or_default());
    url.ends_with('/') && (parsed.scheme() == "https" || (parsed.scheme() == "http" && here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right() {
        assert_eq!(Config::default().validate(), []);
    }

    #[test]
    fn every_wrong_setting_is_named() {
        let config = Config {
            chroma_url: Some("localhost:8000".to_owned()),
            download_url: "http://example.org/model/".to_owned(),
            patience: Duration::ZERO,
            ..Config::default()
        };
        let settings: Vec<_> = config.validate().iter().map(|p| p.setting).collect();
        assert_eq!(settings, ["chroma_url", "download_url", "patience"]);
    }

    #[test]
    fn the_model_comes_over_https_or_from_this_machine() {
        for (url, fine) in [
            (PUBLISHED, true),
            ("https://example.org/model", false),
            ("http://127.0.0.1:4000/", true),
            ("http://127.0.0.1.example.org/", false),
            ("ftp://localhost/", false),
        ] {
            assert_eq!(is_safe(url), fine, "{url}");
        }
    }
}
