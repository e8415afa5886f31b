//! What a wrong configuration is answered with, and where settings come from.

use std::fs;

use crate::support::{KEY, Place, Sidecar, text};

/// spec: 1.5
#[test]
fn a_missing_or_empty_variable_is_named_and_ends_the_process() {
    let place = Place::new();
    for (variable, value) in [
        ("PROJECT_DIR", None),
        ("PROJECT_DIR", Some("")),
        ("ANTHROPIC_API_KEY", None),
        ("ANTHROPIC_API_KEY", Some("")),
    ] {
        let mut command = place.serve();
        match value {
            None => command.env_remove(variable),
            Some(value) => command.env(variable, value),
        };
        let output = command.output().unwrap();
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(
            message.contains(&format!("\n  {variable} (--")),
            "{message}"
        );
        assert!(
            message.starts_with("Paige cannot start: 1 setting is missing or wrong.\n"),
            "{message}"
        );
        assert_eq!(text(&output.stdout), "");
        assert!(
            !place.data().exists(),
            "nothing is made before the settings are right"
        );
    }
}

/// spec: 1.6
#[test]
fn a_project_that_does_not_exist_is_said_so() {
    let place = Place::new();
    let output = place
        .serve()
        .env("PROJECT_DIR", "/no/such/folder")
        .output()
        .unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains("PROJECT_DIR (--project-dir): \"/no/such/folder\" does not exist."),
        "{message}"
    );

    let file = place.folder.path().join("file");
    fs::write(&file, "").unwrap();
    let output = place.serve().env("PROJECT_DIR", &file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("is not a folder"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn every_wrong_setting_is_named_in_one_message() {
    let place = Place::new();
    let wrong = [
        ("PROJECT_DIR", ""),
        ("ANTHROPIC_API_KEY", ""),
        ("PORT", "70000"),
        ("HOST", "0.0.0.0"),
        ("CHROMADB_URL", "ftp://user:hunter22@x"),
        ("CLAUDE_MODEL_MAPPING", "[]"),
        ("ANTHROPIC_BASE_URL", "nowhere"),
        ("ALLOWED_ORIGINS", "*"),
        ("PAIGE_AUTH", "basic"),
        ("PAIGE_LOG_FORMAT", "xml"),
        ("PAIGE_LOG", "loud"),
        ("PAIGE_MAX_CONNECTIONS", "0"),
    ];
    let output = place.serve().envs(wrong).output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.starts_with("Paige cannot start: 12 settings are missing or wrong.\n"),
        "{message}"
    );
    for (variable, _) in wrong {
        assert!(
            message.contains(&format!("\n  {variable} (--")),
            "{variable} in\n{message}"
        );
    }
    assert!(!message.contains("hunter22"), "{message}");
}

#[test]
fn without_a_key_it_runs_offline_when_told_so() {
    let place = Place::new();
    let mut sidecar = Sidecar::spawn(
        place
            .serve()
            .env_remove("ANTHROPIC_API_KEY")
            .arg("--offline"),
    );
    sidecar.ready();
    assert!(sidecar.stop().success());
}

#[test]
fn a_command_line_that_cannot_be_understood_is_another_code() {
    let output = Place::new().serve().arg("--no-such-flag").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn the_projects_env_file_is_ignored_and_the_users_honoured() {
    let place = Place::new();
    fs::write(
        place.project().join(".env"),
        "ANTHROPIC_BASE_URL=not-a-url\nPORT=http\nDATA_DIR=/elsewhere\nPAIGE_LOG_FORMAT=xml\n",
    )
    .unwrap();
    fs::create_dir_all(place.data()).unwrap();
    fs::write(
        place.data_file(".env"),
        format!("ANTHROPIC_API_KEY={KEY}\nPAIGE_LOG_FORMAT=json\nPAIGE_LOG=error\n"),
    )
    .unwrap();
    // Started inside the project, as a person would: the working directory's `.env` counts as little.
    let mut command = place.serve();
    command
        .env_remove("ANTHROPIC_API_KEY")
        .current_dir(place.project());
    let mut sidecar = Sidecar::spawn(
        command
            .env("PAIGE_LOG", "warn")
            .args(["--log-level", "info"]),
    );
    sidecar.ready();
    assert!(sidecar.stop().success());
    // The key and the format are the file's, the level is the flag's and beats environment and file.
    let log = sidecar.stderr();
    assert!(log.lines().count() > 3, "{log}");
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line)
            .unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn an_env_file_may_be_named() {
    let place = Place::new();
    let file = place.folder.path().join("my.env");
    fs::write(
        &file,
        format!(
            "PROJECT_DIR='{}'\nDATA_DIR='{}'\nPORT=0\nPAIGE_OFFLINE=true\n",
            place.project().display(),
            place.data().display()
        ),
    )
    .unwrap();
    let mut sidecar = Sidecar::spawn(place.bare().arg("--env-file").arg(&file));
    assert_eq!(
        sidecar.ready().project_dir,
        place.project().to_str().unwrap()
    );
    assert!(sidecar.stop().success());
    assert!(place.data_file("paige.db").exists());
}

#[test]
fn the_data_directory_is_in_the_home_folder_unless_told_otherwise() {
    let place = Place::new();
    let mut sidecar = Sidecar::spawn(place.serve().env_remove("DATA_DIR"));
    sidecar.ready();
    assert!(sidecar.stop().success());
    assert!(place.folder.path().join("home/.paige/paige.db").exists());

    let mut sidecar = Sidecar::spawn(place.serve().env("DATA_DIR", "~/other"));
    sidecar.ready();
    assert!(sidecar.stop().success());
    assert!(place.folder.path().join("home/other/paige.db").exists());
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let place = Place::new();
    fs::write(place.folder.path().join("deep"), "a file").unwrap();
    let output = place.serve().output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.starts_with("DATA_DIR (--data-dir): "), "{message}");
}
