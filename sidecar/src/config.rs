//! The configuration: layered, judged as a whole, and handed down as plain values.
//!
//! Layers, weakest first: built-in, the `.env` of the data directory or `--env-file`, the environment,
//! the command line. The project's own `.env` is never read: a cloned repository must not be able to
//! redirect the API key (blueprint §3).

mod layers;
mod parse;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use paige_protocol::process::Secret;
use paige_server::guard;
use tracing_subscriber::filter::Targets;

use self::layers::Layers;
use crate::cli::{Cli, Settings};
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure};

const DEFAULT_PORT: u16 = 3000;

/// Everything `serve` was told, judged and complete.
pub(crate) struct Config {
    /// The project's folder, canonical.
    pub(crate) project_dir: PathBuf,
    /// The same as text, for the wire.
    pub(crate) project_text: String,
    /// Where Paige keeps its own files.
    pub(crate) data: DataDir,
    /// The port to bind; 0 for the project's last one or any.
    pub(crate) port: u16,
    /// Who may come in, but for the tokens, which are found later.
    pub(crate) guard: guard::Config,
    /// The calls to the Anthropic API; `None` when offline.
    pub(crate) claude: Option<Claude>,
    /// A Chroma server, `http://…`.
    #[expect(
        dead_code,
        reason = "validated from the first day; the memory of a later issue reads it"
    )]
    pub(crate) chromadb_url: Option<String>,
    /// Whether the tokens come over stdin.
    pub(crate) tokens_stdin: bool,
    /// Whether the process ends with its parent.
    pub(crate) supervised: bool,
    /// How and what to log.
    pub(crate) log: Log,
    /// What is right, but worth a line in the log.
    pub(crate) warnings: Vec<String>,
}

/// How to reach the models.
pub(crate) struct Claude {
    /// The API key.
    pub(crate) api_key: Secret,
    /// Where the API is, when it is not Anthropic's own address.
    #[expect(
        dead_code,
        reason = "validated from the first day; the Anthropic client of a later issue reads it"
    )]
    pub(crate) base_url: Option<String>,
    /// Model ids that replace those of a tier.
    #[expect(
        dead_code,
        reason = "validated from the first day; the Anthropic client of a later issue reads it"
    )]
    pub(crate) model_mapping: BTreeMap<String, String>,
}

/// How and what to log.
#[derive(Clone)]
pub(crate) struct Log {
    /// The form of a line.
    pub(crate) format: LogFormat,
    /// What is logged at all.
    pub(crate) filter: Targets,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object in each line.
    Json,
}

/// One setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The environment variable.
    pub(crate) variable: &'static str,
    /// What is wrong and what to do, in whole sentences without the secret.
    pub(crate) what: String,
}

/// Where the data directory is, for commands that need nothing else.
///
/// # Errors
/// [`Exit::Configuration`].
pub(crate) fn data_dir(settings: &Settings) -> Result<DataDir, Failure> {
    let mut problems = Vec::new();
    let (_, data) = Layers::new(settings, &mut problems);
    match data {
        Some(data) if problems.is_empty() => Ok(data),
        _ => Err(failure(&problems)),
    }
}

/// All settings, judged together (spec: 1.5, 1.6).
///
/// # Errors
/// [`Exit::Configuration`] with one message that names every wrong setting.
pub(crate) fn load(settings: &Settings) -> Result<Config, Failure> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let (layers, data) = Layers::new(settings, &mut problems);
    let mut read = Reader {
        layers: &layers,
        problems: &mut problems,
    };

    let project_dir = read.required(
        "PROJECT_DIR",
        &settings.project_dir,
        "Set it to the folder of the project, for instance --project-dir .",
        parse::project_dir,
    );
    let offline = read.flag("PAIGE_OFFLINE", &settings.offline);
    let api_key = if offline {
        None
    } else {
        read.required("ANTHROPIC_API_KEY", &settings.anthropic_api_key,
            "Set it in the environment or in the .env file of the data directory, or use --offline to do without.",
            parse::api_key)
    };
    let port = read
        .optional("PORT", &settings.port, parse::port)
        .unwrap_or(DEFAULT_PORT);
    let host = read
        .optional("HOST", &settings.host, parse::host)
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let allow_remote = read.flag("PAIGE_ALLOW_REMOTE", &settings.allow_remote);
    let open = read
        .optional("PAIGE_AUTH", &settings.auth, parse::is_open)
        .unwrap_or(false);
    let chromadb_url = read.optional("CHROMADB_URL", &settings.chromadb_url, |text| {
        parse::url(text, &["http"])
    });
    let base_url = read.optional("ANTHROPIC_BASE_URL", &settings.anthropic_base_url, |text| {
        parse::url(text, &["https", "http"])
    });
    let model_mapping = read
        .optional(
            "CLAUDE_MODEL_MAPPING",
            &settings.claude_model_mapping,
            parse::model_mapping,
        )
        .unwrap_or_default();
    let tokens_stdin = read.flag("PAIGE_TOKENS_STDIN", &settings.tokens_stdin);
    let supervised = read.flag("PAIGE_SUPERVISED", &settings.supervised);
    let format = read
        .optional("PAIGE_LOG_FORMAT", &settings.log_format, parse::log_format)
        .unwrap_or(LogFormat::Text);
    let filter = read
        .optional("PAIGE_LOG", &settings.log_level, parse::log_filter)
        .unwrap_or_else(parse::default_log_filter);

    let guard = read.guard(settings, host);

    if !host.is_loopback() {
        if !allow_remote {
            read.wrong("HOST", format!(
                "other machines can reach {host}. Leave HOST away, or add --allow-remote and put a proxy that speaks TLS before Paige."));
        }
        if open {
            read.wrong(
                "PAIGE_AUTH",
                format!("none is for loopback only, and HOST is {host}. Use token."),
            );
        }
    }
    if open && tokens_stdin {
        read.wrong(
            "PAIGE_TOKENS_STDIN",
            "tokens are of no use with --auth none. Leave one of the two away.".to_owned(),
        );
    }
    if let (Some((project, _)), Some(data)) = (&project_dir, &data)
        && lies_inside(data.root(), project)
    {
        read.wrong("DATA_DIR", format!(
            "{} lies inside PROJECT_DIR, where clients could read Paige's tokens. Name a folder outside the project.",
            data.root().display()));
    }
    if open {
        warnings.push("--auth none: every program on this machine can read and write the project through Paige. Use it for experiments only.".to_owned());
    }
    if offline {
        warnings.push("--offline: what needs the Anthropic API answers an error.".to_owned());
    }
    warnings.extend(layers.warnings());

    match (project_dir, data) {
        (Some((project_dir, project_text)), Some(data)) if problems.is_empty() => Ok(Config {
            project_dir,
            project_text,
            data,
            port,
            guard: if open {
                guard::Config {
                    auth: guard::Auth::None,
                    ..guard
                }
            } else {
                guard
            },
            claude: api_key.map(|api_key| Claude {
                api_key,
                base_url,
                model_mapping,
            }),
            chromadb_url,
            tokens_stdin,
            supervised,
            log: Log { format, filter },
            warnings,
        }),
        _ => Err(failure(&problems)),
    }
}

/// Looks settings up and collects what is wrong with them.
struct Reader<'a> {
    layers: &'a Layers,
    problems: &'a mut Vec<Problem>,
}

type Given = Option<std::ffi::OsString>;

impl Reader<'_> {
    fn wrong(&mut self, variable: &'static str, what: String) {
        self.problems.push(Problem { variable, what });
    }

    fn optional<T>(
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

    fn required<T>(
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
    fn guard(&mut self, settings: &Settings, host: IpAddr) -> guard::Config {
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

    fn flag(&mut self, variable: &'static str, given: &Given) -> bool {
        self.optional(variable, given, parse::boolean)
            .unwrap_or(false)
    }
}

fn failure(problems: &[Problem]) -> Failure {
    let command = Cli::command();
    let mut message = match problems.len() {
        1 => "Paige cannot start: 1 setting is missing or wrong.\n".to_owned(),
        count => format!("Paige cannot start: {count} settings are missing or wrong.\n"),
    };
    for Problem { variable, what } in problems {
        let flag = command
            .get_arguments()
            .find(|arg| arg.get_env().is_some_and(|env| env == *variable))
            .and_then(|arg| arg.get_long())
            .map(|long| format!(" (--{long})"))
            .unwrap_or_default();
        message.push_str(&format!("\n  {variable}{flag}: {what}"));
    }
    message.push_str(
        "\n\n`paige-sidecar --help` lists all settings; `paige-sidecar demo` needs none.",
    );
    Failure::new(Exit::Configuration, message)
}

/// Whether `inner`, which may not exist yet, is `outer` or below it. `outer` is canonical.
fn lies_inside(inner: &Path, outer: &Path) -> bool {
    let existing = inner
        .ancestors()
        .find_map(|folder| Some((folder, folder.canonicalize().ok()?)));
    existing.is_some_and(|(folder, real)| {
        inner
            .strip_prefix(folder)
            .is_ok_and(|rest| real.join(rest).starts_with(outer))
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;

    use super::*;

    /// A project and a data directory in a temporary folder, and settings that are right.
    struct Place {
        folder: tempfile::TempDir,
        settings: Settings,
    }

    fn os(text: impl AsRef<std::ffi::OsStr>) -> Option<OsString> {
        Some(text.as_ref().to_owned())
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("project")).unwrap();
        fs::create_dir_all(folder.path().join("data")).unwrap();
        let settings = Settings {
            project_dir: os(folder.path().join("project")),
            data_dir: os(folder.path().join("data")),
            anthropic_api_key: os("sk-test"),
            ..Settings::default()
        };
        Place { folder, settings }
    }

    fn problems(settings: &Settings) -> String {
        match load(settings) {
            Ok(_) => String::new(),
            Err(failure) => {
                assert_eq!(failure.exit, Exit::Configuration);
                failure.message
            }
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_readme() {
        let place = place();
        let config = load(&place.settings).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(
            config.project_dir,
            place.folder.path().join("project").canonicalize().unwrap()
        );
        assert_eq!(
            (config.port, config.guard),
            (3000, guard::Config::default())
        );
        assert_eq!(config.log.format, LogFormat::Text);
        assert_eq!(config.warnings, Vec::<String>::new());
        assert!(!config.supervised && !config.tokens_stdin && config.chromadb_url.is_none());
        assert_eq!(config.claude.unwrap().api_key, Secret::new("sk-test"));
    }

    #[test]
    fn each_wrong_setting_is_named_with_what_to_do() {
        type Change = fn(&mut Settings, &Path);
        let table: &[(Change, &str)] = &[
            (
                |s, _| s.project_dir = None,
                "PROJECT_DIR (--project-dir): it is not set. Set it",
            ),
            (
                |s, _| s.project_dir = os(""),
                "PROJECT_DIR (--project-dir): it is empty. Set it",
            ),
            (
                |s, at| s.project_dir = os(at.join("none")),
                "none\" does not exist. Make the folder",
            ),
            (
                |s, at| {
                    fs::write(at.join("file"), "").unwrap();
                    s.project_dir = os(at.join("file"))
                },
                "file\" is not a folder",
            ),
            (
                |s, _| s.anthropic_api_key = None,
                "ANTHROPIC_API_KEY (--anthropic-api-key): it is not set. Set it in the environment",
            ),
            (
                |s, _| s.anthropic_api_key = os("two words"),
                "ANTHROPIC_API_KEY (--anthropic-api-key): it holds spaces",
            ),
            (
                |s, _| s.port = os("65536"),
                "PORT (--port): \"65536\" is not a number from 0 to 65535",
            ),
            (|s, _| s.port = os("-1"), "PORT (--port): \"-1\" is not"),
            (
                |s, _| s.host = os("example.org"),
                "HOST (--host): \"example.org\" is not an IP address",
            ),
            (
                |s, _| s.host = os("0.0.0.0"),
                "HOST (--host): other machines can reach 0.0.0.0",
            ),
            (
                |s, _| {
                    s.host = os("::");
                    s.allow_remote = os("true");
                    s.auth = os("none")
                },
                "PAIGE_AUTH (--auth): none is for loopback only",
            ),
            (
                |s, _| s.auth = os("basic"),
                "PAIGE_AUTH (--auth): \"basic\" is neither token nor none",
            ),
            (
                |s, _| {
                    s.auth = os("none");
                    s.tokens_stdin = os("true")
                },
                "PAIGE_TOKENS_STDIN (--tokens-stdin): ",
            ),
            (
                |s, _| s.chromadb_url = os("localhost:8000"),
                "CHROMADB_URL (--chromadb-url): it is not a URL that starts with http://",
            ),
            (
                |s, _| s.chromadb_url = os("https://localhost:8000"),
                "CHROMADB_URL (--chromadb-url): it is not a URL that starts with http://",
            ),
            (
                |s, _| s.anthropic_base_url = os("https://"),
                "ANTHROPIC_BASE_URL (--anthropic-base-url): it is not a URL that starts with https:// or http://",
            ),
            (
                |s, _| s.claude_model_mapping = os("haiku"),
                "CLAUDE_MODEL_MAPPING (--claude-model-mapping): it is not a JSON object of texts",
            ),
            (
                |s, _| s.claude_model_mapping = os(r#"{"haiku": 1}"#),
                "CLAUDE_MODEL_MAPPING (--claude-model-mapping): it is not a JSON object of texts",
            ),
            (
                |s, _| s.claude_model_mapping = os(r#"{"haiku": ""}"#),
                "CLAUDE_MODEL_MAPPING (--claude-model-mapping): the model of \"haiku\" is empty",
            ),
            (
                |s, _| s.allowed_origins = os("*"),
                "ALLOWED_ORIGINS (--allowed-origins): \"*\" is not an origin",
            ),
            (
                |s, _| s.allowed_origins = os("https://ok.example,null"),
                "ALLOWED_ORIGINS (--allowed-origins): \"null\" is not an origin",
            ),
            (
                |s, _| s.allowed_hosts = os("http://x"),
                "ALLOWED_HOSTS (--allowed-hosts): \"http://x\" is not a host",
            ),
            (
                |s, _| s.limits.max_nesting = os("0"),
                "PAIGE_MAX_NESTING (--max-nesting): It is 0",
            ),
            (
                |s, _| s.limits.max_body_bytes = os("4 MB"),
                "PAIGE_MAX_BODY_BYTES (--max-body-bytes): \"4 MB\" is not a whole number",
            ),
            (
                |s, _| s.offline = os("maybe"),
                "PAIGE_OFFLINE (--offline): \"maybe\" is neither true nor false",
            ),
            (
                |s, _| s.log_format = os("xml"),
                "PAIGE_LOG_FORMAT (--log-format): \"xml\" is neither text nor json",
            ),
            (
                |s, _| s.log_level = os("loud"),
                "PAIGE_LOG (--log-level): \"loud\" is not a level",
            ),
            (
                |s, at| s.data_dir = os(at.join("project/.paige")),
                "DATA_DIR (--data-dir): ",
            ),
            (
                |s, at| s.env_file = os(at.join("no.env")),
                "PAIGE_ENV_FILE (--env-file): ",
            ),
        ];
        for (change, expected) in table {
            let mut place = place();
            change(&mut place.settings, place.folder.path());
            let message = problems(&place.settings);
            assert!(
                message.contains(expected),
                "expected {expected:?} in:\n{message}"
            );
            assert!(
                message.starts_with("Paige cannot start: 1 setting is missing or wrong."),
                "{message}"
            );
        }
    }

    #[test]
    fn all_wrong_settings_are_named_at_once() {
        let mut place = place();
        place.settings.project_dir = None;
        place.settings.anthropic_api_key = os("");
        place.settings.port = os("http");
        place.settings.chromadb_url = os("x");
        let message = problems(&place.settings);
        assert!(
            message.starts_with("Paige cannot start: 4 settings are missing or wrong."),
            "{message}"
        );
        for variable in ["PROJECT_DIR", "ANTHROPIC_API_KEY", "PORT", "CHROMADB_URL"] {
            assert!(
                message.contains(&format!("\n  {variable} (--")),
                "{variable} in {message}"
            );
        }
    }

    #[test]
    fn layers_are_built_in_then_env_file_then_given() {
        let place = place();
        let data = place.folder.path().join("data");
        fs::write(
            data.join(".env"),
            "PORT=4001\nHOST='127.0.0.2'\nDATA_DIR=/ignored\nOTHER=x\nANTHROPIC_API_KEY=\n",
        )
        .unwrap();
        fs::write(
            place.folder.path().join("project/.env"),
            "PORT=6666\nHOST=0.0.0.0\nANTHROPIC_BASE_URL=nonsense\n",
        )
        .unwrap();
        let config = load(&place.settings).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(
            (config.port, config.guard.host),
            (4001, "127.0.0.2".parse::<IpAddr>().unwrap())
        );
        assert_eq!(config.data.root(), data);
        assert!(
            config.warnings.iter().any(|text| text.contains("DATA_DIR")),
            "{:?}",
            config.warnings
        );

        let given = Settings {
            port: os("4002"),
            host: os(""),
            ..place.settings
        };
        let config = load(&given).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(
            (config.port, config.guard.host),
            (4002, "127.0.0.2".parse::<IpAddr>().unwrap())
        );
    }

    #[test]
    fn an_env_file_may_name_everything() {
        let place = place();
        let file = place.folder.path().join("my.env");
        let (project, data) = (
            place.folder.path().join("project"),
            place.folder.path().join("elsewhere"),
        );
        fs::write(
            &file,
            format!(
                "PROJECT_DIR={}\nDATA_DIR={}\nPAIGE_OFFLINE=yes\n",
                project.display(),
                data.display()
            ),
        )
        .unwrap();
        let settings = Settings {
            env_file: os(&file),
            ..Settings::default()
        };
        let config = load(&settings).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(config.data.root(), data);
        assert!(config.claude.is_none());
        assert_eq!(data_dir(&settings).unwrap().root(), data);
    }

    #[test]
    fn a_broken_env_file_is_named_by_line_without_its_text() {
        let place = place();
        fs::write(
            place.folder.path().join("data/.env"),
            "PORT=1\nANTHROPIC_API_KEY 'sk-secret\n",
        )
        .unwrap();
        let message = problems(&place.settings);
        assert!(message.contains("line 2"), "{message}");
        assert!(!message.contains("sk-secret"), "{message}");
    }

    #[test]
    fn a_data_directory_beside_the_project_is_fine() {
        let at = Path::new("/tmp");
        let real = at.canonicalize().unwrap();
        assert!(lies_inside(&at.join("p/.paige"), &real.join("p")));
        assert!(lies_inside(&at.join("p"), &real.join("p")));
        assert!(!lies_inside(&at.join("pp"), &real.join("p")));
        assert!(!lies_inside(at, &real.join("p")));
    }
}
