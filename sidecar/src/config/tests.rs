use std::ffi::OsString;
use std::fs;
use std::time::Duration;

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
    assert!(!config.supervised && !config.tokens_stdin && config.mind.chromadb_url.is_none());
    assert_eq!(config.mind.api_key, Some(Secret::new("sk-test")));
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
            |s, _| s.limits.max_file_bytes = os("0"),
            "PAIGE_MAX_FILE_BYTES (--max-file-bytes): With a limit of 0",
        ),
        (
            |s, _| s.limits.outbox_keep_hours = os("0"),
            "PAIGE_OUTBOX_KEEP_HOURS (--outbox-keep-hours): Pushes must be kept",
        ),
        (
            |s, _| s.limits.outbox_max_bytes = os("1000"),
            "PAIGE_OUTBOX_MAX_BYTES (--outbox-max-bytes): The outbox must",
        ),
        (
            |s, _| s.limits.timeline_keep_days = os("0"),
            "PAIGE_TIMELINE_KEEP_DAYS (--timeline-keep-days): it is 0",
        ),
        (
            |_, at| fs::write(at.join("data/coaching.toml"), "[buffer]\n").unwrap(),
            "coaching.toml: ",
        ),
        (
            |_, at| {
                fs::write(
                    at.join("data/coaching.toml"),
                    "[buffers]\nbackup_delay_ms = 5000\n",
                )
                .unwrap();
            },
            "coaching.toml: `buffers.backup_delay_ms` in ",
        ),
        (
            |s, _| s.limits.ping_seconds = os("0"),
            "PAIGE_PING_SECONDS (--ping-seconds): it is 0",
        ),
        (
            |s, _| s.limits.ping_seconds = os("18446744073709551615"),
            "PAIGE_PING_SECONDS (--ping-seconds): it is more than an hour",
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
fn numbers_of_coaching_are_taken_from_the_data_directory_one_by_one() {
    let place = place();
    fs::write(
        place.folder.path().join("data/coaching.toml"),
        "[buffers]\nsignificant_chars = 40\n[first_hint_level]\nNovice = \"high\"\n",
    )
    .unwrap();
    let coach = load(&place.settings)
        .unwrap_or_else(|failure| panic!("{failure}"))
        .coach;
    let usual = paige_coach::Config::default();
    assert_eq!(coach.buffers.significant_chars, 40);
    assert_eq!(
        coach.buffers.significant_percent,
        usual.buffers.significant_percent
    );
    assert_eq!(
        coach.first_hint_level("Novice"),
        paige_protocol::coach::hints::HintLevel::High
    );
    assert_eq!(
        coach.first_hint_level("Expert"),
        usual.first_hint_level("Expert")
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
    assert!(config.mind.api_key.is_none());
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
    assert!(lies_inside(&at.join("no-such/../p/x"), &real.join("p")));
    assert!(!lies_inside(&at.join("p/none/../../q"), &real.join("p")));
}

#[test]
fn what_was_told_is_kept_no_longer_than_what_happened() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let check = |days: Option<&str>, timeline, outbox| {
        let mut place = place();
        place.settings.limits.timeline_keep_days = days.and_then(os);
        let config = load(&place.settings).map_err(|failure| failure.message);
        let config = config.unwrap();
        assert_eq!(config.coach.timeline_keep, timeline);
        assert_eq!(config.store.outbox_keep, outbox);
    };
    check(None, None, 7 * DAY);
    check(Some("30"), Some(30 * DAY), 7 * DAY);
    check(Some("2"), Some(2 * DAY), 2 * DAY);
}
