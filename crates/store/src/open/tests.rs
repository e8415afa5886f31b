use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use paige_protocol::Version;
use rusqlite_migration::M;

use super::*;
use crate::Store;

const PROJECT: &str = "/project";

fn open(path: &Path) -> Result<Store, OpenError> {
    Store::open(path, PROJECT, Config::default())
}

fn fail(path: &Path, config: Config) -> OpenError {
    Store::open(path, PROJECT, config).expect_err("it must not open")
}

fn quick() -> Config {
    Config {
        busy_timeout: Duration::from_millis(50),
        ..Config::default()
    }
}

/// Every file of a folder with a hash of its bytes, but for SQLite's shared memory, which is scratch.
fn contents(folder: &Path) -> Vec<(PathBuf, Version)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().ends_with("-shm"))
        .map(|path| (path.clone(), Version::of(&fs::read(path).unwrap())))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn a_new_file_gets_every_table_and_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let store = open(&path).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&folder.path().join("paige.db-wal")), 0o600);
    let tables = store
        .read(|reader| {
            reader.map(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
                [],
                |row| row.get::<_, String>(0),
            )
        })
        .unwrap();
    assert_eq!(
        tables,
        [
            "action_log",
            "api_call_log",
            "buffer_backups",
            "dreyfus_assessments",
            "gap_sightings",
            "hint_level_spans",
            "issue_labels",
            "kata_specs",
            "knowledge_gaps",
            "learning_materials",
            "marks",
            "mcp_sessions",
            "observers",
            "open_files",
            "outbox",
            "phase_hints",
            "phases",
            "plans",
            "previous_texts",
            "progress_events",
            "reservations",
            "session_claude_ids",
            "session_wrap_up_errors",
            "sessions",
            "stage_decisions",
            "streams",
            "texts",
            "wrap_up_jobs",
        ]
    );
}

#[test]
fn the_connection_that_writes_waits_for_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let conn = super::open(&path, &Config::default(), &schema::migrations()).unwrap();
    let pragma = |name: &str| -> String {
        conn.query_row(
            &format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"),
            [],
            |row| row.get(0),
        )
        .unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("synchronous"), "2");
    assert_eq!(pragma("foreign_keys"), "1");
}

#[test]
fn a_mode_that_is_too_wide_is_narrowed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    open(&path).unwrap().close();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    open(&path).unwrap().close();
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn a_newer_database_is_refused_and_untouched_even_with_a_log_left_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    open(&path).unwrap().close();
    // A newer Paige was killed: its version stands in the log only.
    let newer = Connection::open(&path).unwrap();
    newer
        .execute_batch("CREATE TABLE of_tomorrow (x); PRAGMA user_version = 7;")
        .unwrap();
    newer
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .unwrap();
    newer.close().unwrap();
    let before = contents(folder.path());
    assert_eq!(before.len(), 2, "a log is left over");

    let error = fail(&path, Config::default());
    assert!(
        matches!(
            error,
            OpenError::Newer {
                found: 7,
                known: VERSION,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        format!(
            "The database {} is of version 7, but this Paige knows only versions up to {VERSION}. Install a newer Paige, or use another --data-dir. The file was not touched.",
            path.display()
        )
    );
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn a_damaged_file_is_refused_and_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    open(&path).unwrap().close();
    let whole = fs::read(&path).unwrap();
    let check = |bytes: &[u8], config: Config, what: &str| {
        fs::write(&path, bytes).unwrap();
        let before = contents(folder.path());
        let error = fail(&path, config);
        assert!(
            matches!(error, OpenError::Corrupt { .. }),
            "{what}: {error}"
        );
        assert_eq!(contents(folder.path()), before, "{what}");
    };
    check(
        b"This is a letter to my aunt and not a database, although it is quite long indeed, so long that it passes for more than a header of one hundred bytes.",
        Config::default(),
        "text",
    );
    check(&whole[..whole.len() / 2], Config::default(), "cut short");
    let mut scrambled = whole.clone();
    for byte in &mut scrambled[8192..] {
        *byte = 0xA5;
    }
    let thorough = Config {
        check: true,
        ..Config::default()
    };
    check(&scrambled, thorough, "scrambled beyond the first pages");
}

#[test]
fn a_sound_file_passes_the_check_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    open(&path).unwrap().close();
    let thorough = Config {
        check: true,
        ..Config::default()
    };
    let store = Store::open(&path, PROJECT, thorough).unwrap();
    assert_eq!(store.cursor().seq, 0);
}

#[test]
fn damage_met_while_running_is_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    open(&path).unwrap().close();
    let mut bytes = fs::read(&path).unwrap();
    for byte in &mut bytes[8192..] {
        *byte = 0xA5;
    }
    fs::write(&path, &bytes).unwrap();
    let found = match open(&path) {
        Err(error @ OpenError::Corrupt { .. }) => {
            assert!(error.to_string().contains("paige.db"), "{error}");
            return;
        }
        Err(error) => panic!("{error}"),
        Ok(store) => store.read(|reader| reader.value::<i64>("SELECT count(*) FROM sessions", [])),
    };
    assert!(
        matches!(found, Err(StoreError::Corrupt { .. })),
        "{found:?}"
    );
}

#[test]
fn a_database_of_another_program_is_refused_and_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE sessions (id INTEGER PRIMARY KEY, status TEXT);")
        .unwrap();
    let before = contents(folder.path());
    let error = fail(&path, Config::default());
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn a_file_that_cannot_be_reached_is_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    fs::write(&file, "x").unwrap();
    let error = fail(&file.join("paige.db"), Config::default());
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
    let error = fail(&folder.path().join("missing/paige.db"), Config::default());
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
    let error = fail(folder.path(), Config::default());
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&folder.path().display().to_string()),
        "{error}"
    );
}

/// Root may write where the mode forbids it, but not even root may write this file of the kernel;
/// SQLite opens it for reading only, as it does with any file that it may not write.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_is_a_typed_error() {
    let error = fail(Path::new("/proc/sys/kernel/ostype"), Config::default());
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
    assert!(
        error.to_string().contains("/proc/sys/kernel/ostype"),
        "{error}"
    );
}

#[test]
fn a_full_disk_at_the_first_start_is_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let error = fail(
        &path,
        Config {
            max_pages: Some(20),
            ..Config::default()
        },
    );
    assert!(matches!(error, OpenError::Full { .. }), "{error}");
    open(&path).unwrap().close();
}

#[test]
fn a_lock_of_another_process_is_waited_for_and_then_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = fail(&path, quick());
    assert!(
        matches!(error, OpenError::Locked { waited_ms: 50, .. }),
        "{error}"
    );
    other.execute_batch("ROLLBACK").unwrap();
    open(&path).unwrap().close();
}

#[test]
fn wrong_settings_are_named_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let error = fail(
        &path,
        Config {
            group_max: 0,
            ..Config::default()
        },
    );
    assert!(matches!(&error, OpenError::Config(problems) if problems.len() == 1));
    assert!(!path.exists());
}

/// The version of this Paige.
const VERSION: u32 = schema::MIGRATIONS.len() as u32;

fn migrations(more: &[&'static str]) -> Migrations<'static> {
    let ours = schema::MIGRATIONS.iter().cloned();
    Migrations::new(ours.chain(more.iter().map(|sql| M::up(sql))).collect())
}

#[test]
fn the_migrations_are_sound() {
    schema::migrations().validate().unwrap();
}

#[test]
fn an_older_database_is_copied_before_it_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let store = open(&path).unwrap();
    let stream = store.cursor().stream;
    store
        .commit_blocking(|unit| unit.push("a", "{}".to_owned(), None))
        .unwrap();
    store.close();

    let tomorrow = migrations(&["CREATE TABLE of_tomorrow (x TEXT) STRICT;"]);
    let store = Store::open_with(&path, PROJECT, Config::default(), &tomorrow).unwrap();
    assert_eq!(store.cursor().stream, stream);
    assert_eq!(store.cursor().seq, 1);
    store.close();

    let backup = folder.path().join(format!("paige.db.backup-v{VERSION}"));
    let mode = fs::metadata(&backup).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    // The copy is a whole database of the old version: put in place, it opens.
    fs::rename(&backup, &path).unwrap();
    let store = open(&path).unwrap();
    assert_eq!(store.cursor().stream, stream);
    assert_eq!(store.outbox(0, 9, 9).unwrap().len(), 1);
}

#[test]
fn entries_from_before_calls_were_linked_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let old = Migrations::new(schema::MIGRATIONS[..2].to_vec());
    Store::open_with(&path, PROJECT, Config::default(), &old)
        .unwrap()
        .close();
    let raw = Connection::open(&path).unwrap();
    raw.execute(
        "INSERT INTO action_log (action_type, data, created_at)
         VALUES ('file_open', '{}', '2026-02-11T10:00:00.000Z')",
        [],
    )
    .unwrap();
    drop(raw);
    let store = open(&path).unwrap();
    let all = |reader: &crate::Reader<'_>| crate::timeline::page(reader, &Default::default(), 9);
    let entries = store.read(all).unwrap();
    assert_eq!((entries.len(), &entries[0].call_id), (1, &None));
    assert!(folder.path().join("paige.db.backup-v2").exists());
}

#[test]
fn a_migration_that_fails_leaves_the_old_version_and_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    open(&path).unwrap().close();
    let before = fs::read(&path).unwrap();

    let wrong = migrations(&[
        "CREATE TABLE of_tomorrow (x TEXT) STRICT;",
        "CREATE TABLE sessions (x TEXT) STRICT;",
    ]);
    let error = Store::open_with(&path, PROJECT, Config::default(), &wrong)
        .expect_err("the table is there already");
    let backup = folder.path().join(format!("paige.db.backup-v{VERSION}"));
    assert!(
        matches!(&error, OpenError::Migration { from, to, backup: Some(at), .. }
            if *at == backup && (*from, *to) == (VERSION, VERSION + 2)),
        "{error}"
    );
    assert!(error.to_string().contains("a copy is at"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(backup.exists());
    open(&path).unwrap().close();
}

#[test]
fn nothing_is_migrated_without_room_for_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    open(&path).unwrap().close();
    let before = fs::read(&path).unwrap();
    // A folder in its place stands for whatever keeps the copy from being made.
    fs::create_dir(
        folder
            .path()
            .join(format!("paige.db.backup-v{VERSION}.part")),
    )
    .unwrap();
    let tomorrow = migrations(&["CREATE TABLE of_tomorrow (x TEXT) STRICT;"]);
    let error = Store::open_with(&path, PROJECT, Config::default(), &tomorrow)
        .expect_err("there is no copy");
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}
