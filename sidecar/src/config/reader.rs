//! Looking settings up, one by one and room by room.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use paige_protocol::process::Secret;
use paige_server::guard;

use super::layers::Layers;
use super::{EmbeddingModel, Mind, Problem, parse};
use crate::cli::Settings;
use crate::data_dir::DataDir;

/// The longest time between two pings.
const MOST_PING: Duration = Duration::from_secs(3600);

/// What wrong files of the data directory are called among the settings.
const MODELS_FILE: &str = "models.toml";
const COACHING_FILE: &str = "coaching.toml";

/// Looks settings up and collects what is wrong with them.
pub(super) struct Reader<'a> {
    layers: &'a Layers,
    problems: &'a mut Vec<Problem>,
}

type Given = Option<std::ffi::OsString>;

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers, problems: &'a mut Vec<Problem>) -> Self {
        Self { layers, problems }
    }

    pub(super) fn wrong(&mut self, variable: &'static str, what: String) {
        self.problems.push(Problem { variable, what });
    }

    pub(super) fn optional<T>(
        &mut self,
        variable: &'static str,
        given: &Given,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let result = self
            .layers
            .text(variable, given)
            .and_then(|text| text.as_deref().map(parse).transpose());
        match result {
            Ok(value) => value,
            Err(what) => {
                self.wrong(variable, what);
                None
            }
        }
    }

    pub(super) fn required<T>(
        &mut self,
        variable: &'static str,
        given: &Given,
        todo: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if matches!(self.layers.text(variable, given), Ok(None)) {
            let state = if given.is_some() || self.layers.has_empty(variable) {
                "is empty"
            } else {
                "is not set"
            };
            self.wrong(variable, format!("it {state}. {todo}"));
            return None;
        }
        self.optional(variable, given, parse)
    }

    fn list(&mut self, variable: &'static str, given: &Given) -> Vec<String> {
        self.optional(variable, given, |text| Ok(parse::list(text)))
            .unwrap_or_default()
    }

    fn limit<T: std::str::FromStr>(
        &mut self,
        variable: &'static str,
        given: &Given,
        default: T,
    ) -> T {
        self.optional(variable, given, parse::number)
            .unwrap_or(default)
    }

    /// The guard's settings, judged by itself but for the tokens.
    pub(super) fn guard(&mut self, settings: &Settings, host: IpAddr) -> guard::Config {
        let usual = guard::Config::default();
        let mut allowed_origins = usual.allowed_origins;
        allowed_origins.extend(self.list("ALLOWED_ORIGINS", &settings.allowed_origins));
        let limits = &settings.limits;
        let config = guard::Config {
            host,
            allowed_origins,
            extra_hosts: self.list("ALLOWED_HOSTS", &settings.allowed_hosts),
            max_body_bytes: self.limit(
                "PAIGE_MAX_BODY_BYTES",
                &limits.max_body_bytes,
                usual.max_body_bytes,
            ),
            max_nesting: self.limit("PAIGE_MAX_NESTING", &limits.max_nesting, usual.max_nesting),
            max_connections: self.limit(
                "PAIGE_MAX_CONNECTIONS",
                &limits.max_connections,
                usual.max_connections,
            ),
            max_requests_per_second: self.limit(
                "PAIGE_MAX_REQUESTS_PER_SECOND",
                &limits.max_requests_per_second,
                usual.max_requests_per_second,
            ),
            ..usual
        };
        for problem in config.validate() {
            let variable = match problem.name {
                // The tokens are not there yet, and that `none` is for loopback only is said above.
                "auth" => continue,
                "allowed_origins" => "ALLOWED_ORIGINS",
                "extra_hosts" => "ALLOWED_HOSTS",
                "max_body_bytes" => "PAIGE_MAX_BODY_BYTES",
                "max_nesting" => "PAIGE_MAX_NESTING",
                "max_connections" => "PAIGE_MAX_CONNECTIONS",
                "max_requests_per_second" => "PAIGE_MAX_REQUESTS_PER_SECOND",
                other => other,
            };
            self.wrong(variable, problem.message);
        }
        config
    }

    /// The WebSocket door's settings. Its nesting is the guard's: one limit for all that comes in.
    pub(super) fn socket(
        &mut self,
        settings: &Settings,
        max_nesting: usize,
    ) -> paige_server::Config {
        let usual = paige_server::Config::default();
        let limits = &settings.limits;
        let config = paige_server::Config {
            max_message_bytes: self.limit(
                "PAIGE_MAX_MESSAGE_BYTES",
                &limits.max_message_bytes,
                usual.max_message_bytes,
            ),
            max_nesting,
            max_messages_per_second: self.limit(
                "PAIGE_MAX_MESSAGES_PER_SECOND",
                &limits.max_messages_per_second,
                usual.max_messages_per_second,
            ),
            max_queue_bytes: self.limit(
                "PAIGE_MAX_QUEUE_BYTES",
                &limits.max_queue_bytes,
                usual.max_queue_bytes,
            ),
            ping_interval: Duration::from_secs(self.limit(
                "PAIGE_PING_SECONDS",
                &limits.ping_seconds,
                usual.ping_interval.as_secs(),
            )),
        };
        for (variable, is_zero) in [
            ("PAIGE_MAX_MESSAGE_BYTES", config.max_message_bytes == 0),
            (
                "PAIGE_MAX_MESSAGES_PER_SECOND",
                config.max_messages_per_second == 0,
            ),
            ("PAIGE_MAX_QUEUE_BYTES", config.max_queue_bytes == 0),
            ("PAIGE_PING_SECONDS", config.ping_interval.is_zero()),
        ] {
            if is_zero {
                self.wrong(
                    variable,
                    "it is 0, which would refuse everything. Give a positive number.".to_owned(),
                );
            }
        }
        if config.ping_interval > MOST_PING {
            self.wrong(
                "PAIGE_PING_SECONDS",
                "it is more than an hour, so that a client that is gone would stay connected. Give a number up to 3600.".to_owned(),
            );
        }
        config
    }

    /// The workspace's settings, judged by itself.
    pub(super) fn workspace(&mut self, settings: &Settings) -> paige_workspace::Config {
        let usual = paige_workspace::Config::default();
        let limits = &settings.limits;
        let config = paige_workspace::Config {
            max_file_bytes: self.limit(
                "PAIGE_MAX_FILE_BYTES",
                &limits.max_file_bytes,
                usual.max_file_bytes,
            ),
            max_watches: self.limit("PAIGE_MAX_WATCHES", &limits.max_watches, usual.max_watches),
            respect_gitignored_folders: self
                .optional(
                    "PAIGE_RESPECT_GITIGNORE",
                    &settings.respect_gitignore,
                    parse::boolean,
                )
                .unwrap_or(usual.respect_gitignored_folders),
            ..usual
        };
        for problem in config.validate() {
            let variable = match problem.name {
                "max_file_bytes" => "PAIGE_MAX_FILE_BYTES",
                other => other,
            };
            self.wrong(variable, problem.message);
        }
        config
    }

    /// How long what happened is kept; `None` for ever.
    pub(super) fn timeline_keep(&mut self, settings: &Settings) -> Option<Duration> {
        let variable = "PAIGE_TIMELINE_KEEP_DAYS";
        let days: u32 =
            self.optional(variable, &settings.limits.timeline_keep_days, parse::number)?;
        if days == 0 {
            self.wrong(
                variable,
                "it is 0, which would forget a session as it ends. Give a number of days, or leave it away to keep everything.".to_owned(),
            );
            return None;
        }
        Some(Duration::from_secs(u64::from(days) * 24 * 3600))
    }

    /// How the record is kept, judged by the store itself.
    pub(super) fn store(
        &mut self,
        settings: &Settings,
        timeline_keep: Option<Duration>,
    ) -> paige_store::Config {
        let usual = paige_store::Config::default();
        let limits = &settings.limits;
        let hours: u32 = self.limit(
            "PAIGE_OUTBOX_KEEP_HOURS",
            &limits.outbox_keep_hours,
            u32::try_from(usual.outbox_keep.as_secs() / 3600).unwrap_or(u32::MAX),
        );
        let outbox_keep = Duration::from_secs(u64::from(hours) * 3600);
        let config = paige_store::Config {
            // What goes from the timeline must not stay among what was told.
            outbox_keep: timeline_keep.map_or(outbox_keep, |keep| outbox_keep.min(keep)),
            outbox_max_bytes: self.limit(
                "PAIGE_OUTBOX_MAX_BYTES",
                &limits.outbox_max_bytes,
                usual.outbox_max_bytes,
            ),
            ..usual
        };
        for problem in config.validate() {
            let variable = match problem.setting {
                "outbox_keep" => "PAIGE_OUTBOX_KEEP_HOURS",
                "outbox_max_bytes" => "PAIGE_OUTBOX_MAX_BYTES",
                other => other,
            };
            self.wrong(variable, problem.message);
        }
        config
    }

    /// The numbers of coaching: those of `coaching.toml` in the data directory where there is one.
    pub(super) fn coach(&mut self, data: Option<&DataDir>) -> paige_coach::Config {
        let usual = paige_coach::Config::default();
        let Some(path) = data.map(DataDir::coaching_file) else {
            return usual;
        };
        let Some(text) = self.file(COACHING_FILE, &path) else {
            return usual;
        };
        match paige_coach::Config::parse(&text) {
            Ok(config) => {
                for problem in config.validate() {
                    self.wrong(
                        COACHING_FILE,
                        format!(
                            "`{}` in {}: {}",
                            problem.name,
                            path.display(),
                            problem.message
                        ),
                    );
                }
                config
            }
            Err(error) => {
                self.wrong(
                    COACHING_FILE,
                    format!("{} cannot be understood: {}", path.display(), error.trim()),
                );
                usual
            }
        }
    }

    /// The key of the Anthropic API, unless it is done without.
    pub(super) fn api_key(&mut self, settings: &Settings, offline: bool) -> Option<Secret> {
        if offline {
            return None;
        }
        self.required(
            "ANTHROPIC_API_KEY",
            &settings.anthropic_api_key,
            "Set it in the environment or in the .env file of the data directory, or use --offline to do without.",
            parse::api_key,
        )
    }

    /// What the coach thinks with.
    pub(super) fn mind(
        &mut self,
        settings: &Settings,
        data: Option<&DataDir>,
        offline: bool,
        api_key: Option<Secret>,
    ) -> Mind {
        let base_url = self.optional("ANTHROPIC_BASE_URL", &settings.anthropic_base_url, |text| {
            parse::url(text, &["https", "http"])
        });
        let model_mapping = self
            .optional(
                "CLAUDE_MODEL_MAPPING",
                &settings.claude_model_mapping,
                parse::model_mapping,
            )
            .unwrap_or_default();
        let prompts_dir = self.optional(
            "PAIGE_PROMPTS_DIR",
            &settings.mind.prompts_dir,
            parse::folder,
        );
        Mind {
            api_key,
            base_url,
            models: self.models(data),
            model_mapping,
            prompts: self.prompts(prompts_dir.as_deref()),
            chromadb_url: self.optional("CHROMADB_URL", &settings.chromadb_url, |text| {
                parse::url(text, &["http"])
            }),
            embedding_model: self
                .optional(
                    "PAIGE_EMBEDDING_MODEL",
                    &settings.mind.embedding_model,
                    parse::embedding_model,
                )
                .unwrap_or(if offline {
                    EmbeddingModel::None
                } else {
                    EmbeddingModel::Fetched
                }),
            budgets: self.budgets(settings),
        }
    }

    /// The models and their prices: `models.toml` in the data directory is laid over the built-in
    /// table.
    pub(super) fn models(&mut self, data: Option<&DataDir>) -> paige_claude::Models {
        let usual = paige_claude::Models::default();
        let Some(path) = data.map(DataDir::models_file) else {
            return usual;
        };
        let Some(text) = self.file(MODELS_FILE, &path) else {
            return usual;
        };
        match paige_claude::Models::parse(&text) {
            Ok(models) => models,
            Err(problems) => {
                for problem in problems {
                    self.wrong(
                        MODELS_FILE,
                        format!(
                            "`{}` in {}: {}",
                            problem.name,
                            path.display(),
                            problem.message
                        ),
                    );
                }
                usual
            }
        }
    }

    /// What models are asked: a file in the folder stands in place of the built-in one of its name.
    pub(super) fn prompts(&mut self, folder: Option<&Path>) -> paige_prompts::Prompts {
        let usual = paige_prompts::Prompts::embedded();
        let Some(folder) = folder else {
            return usual;
        };
        let variable = "PAIGE_PROMPTS_DIR";
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.wrong(
                    variable,
                    format!(
                        "{} cannot be read: {error}. Name a folder with prompts, or leave it away.",
                        folder.display()
                    ),
                );
                return usual;
            }
        };
        let mut texts = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "md")
                && let Some(name) = path.file_name()
                && let Some(text) = self.file(variable, &path)
            {
                texts.push((name.to_string_lossy().into_owned(), text));
            }
        }
        match usual.with_overrides(texts) {
            Ok(prompts) => prompts,
            Err(problems) => {
                for problem in problems {
                    self.wrong(variable, format!("{}: {problem}", folder.display()));
                }
                paige_prompts::Prompts::embedded()
            }
        }
    }

    /// What calls of models may cost.
    pub(super) fn budgets(&mut self, settings: &Settings) -> paige_coach::Budgets {
        paige_coach::Budgets {
            session: self.optional(
                "PAIGE_BUDGET_SESSION",
                &settings.mind.budget_session,
                parse::dollars,
            ),
            day: self.optional(
                "PAIGE_BUDGET_DAY",
                &settings.mind.budget_day,
                parse::dollars,
            ),
        }
    }

    /// The text of a file that need not be there.
    fn file(&mut self, variable: &'static str, path: &Path) -> Option<String> {
        match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) => {
                // That the data directory is a file is said when it is to be made.
                if !matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) {
                    self.wrong(
                        variable,
                        format!(
                            "{} cannot be read: {error}. Correct the file or its rights.",
                            path.display()
                        ),
                    );
                }
                None
            }
        }
    }

    pub(super) fn flag(&mut self, variable: &'static str, given: &Given) -> bool {
        self.optional(variable, given, parse::boolean)
            .unwrap_or(false)
    }
}
