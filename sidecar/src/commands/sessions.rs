//! `sessions` and `export`: they look at the database, whether a sidecar runs or not.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use paige_coach::report::{self, Report, Rows, SessionLine};
use paige_store::{StoreError, View, now};

use crate::cli::{Format, Which};
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, print, tell};

/// Lists the sessions, newest first.
///
/// # Errors
/// [`Exit::Database`] when there is a database that cannot be read.
pub(crate) fn sessions(data: &DataDir, json: bool) -> Result<(), Failure> {
    let now = now();
    let sessions = match view(data)? {
        Some(view) => view
            .snapshot(|reader| report::sessions(reader, &now))
            .map_err(unreadable)?,
        None => Vec::new(),
    };
    if json {
        let list = serde_json::to_string(&sessions)
            .map_err(|error| Failure::internal("The sessions cannot be listed", error))?;
        print(&list);
    } else if sessions.is_empty() {
        print(&format!(
            "There is no session in {} yet. Start the sidecar with `paige-sidecar --project-dir FOLDER`, and a session from Claude Code or the desktop app.",
            data.root().display()
        ));
    } else {
        print(&table(&sessions));
    }
    Ok(())
}

/// The id of the session that is meant.
pub(super) fn id_of(data: &DataDir, session: Which) -> Result<u32, Failure> {
    let last = match (session, view(data)?) {
        (Which::Id(id), _) => return Ok(id),
        (Which::Last, Some(view)) => view.snapshot(report::last).map_err(unreadable)?,
        (Which::Last, None) => None,
    };
    last.ok_or_else(|| unknown(data, session))
}

/// Tells a whole session, on stdout or in a file.
///
/// # Errors
/// [`Exit::Refused`] when there is no such session or the file cannot be written,
/// [`Exit::Database`] when the database cannot be read.
pub(crate) fn export(
    data: &DataDir,
    session: Which,
    format: Format,
    output: Option<&Path>,
    force: bool,
) -> Result<(), Failure> {
    let id = id_of(data, session)?;
    let rows = match view(data)? {
        Some(view) => view
            .snapshot(|reader| Rows::read(reader, id))
            .map_err(unreadable)?,
        None => None,
    };
    let rows = rows.ok_or_else(|| unknown(data, session))?;
    let report = Report::of(&rows, &now());
    let text = match format {
        Format::Json => report::json(&report),
        Format::Markdown => Ok(report::markdown(&report)),
        Format::Html => report::html(&report),
    }
    .map_err(|error| Failure::internal("The session cannot be told", error))?;
    let Some(path) = output else {
        let mut out = io::stdout().lock();
        return match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // `| head` has seen enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
                Exit::Refused,
                format!(
                    "Stdout took not all of the session: {error}. Write it to a file on another disk with --output."
                ),
            )),
            _ => Ok(()),
        };
    };
    write(path, &text, force).map_err(|error| {
        let path = path.display();
        let message = if error.kind() == io::ErrorKind::AlreadyExists {
            format!("{path} is there already. Name another file with --output, or add --force to replace it.")
        } else {
            format!("{path} cannot be written: {error}. Name another file with --output.")
        };
        Failure::new(Exit::Refused, message)
    })?;
    tell(&format!(
        "Session {} is told in {}.",
        report.session.id,
        path.display()
    ));
    Ok(())
}

/// What a person did is for that person alone, as the database is.
fn write(path: &Path, text: &str, force: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

pub(super) fn view(data: &DataDir) -> Result<Option<View>, Failure> {
    View::open(&data.database()).map_err(|error| Failure::new(Exit::Database, error.to_string()))
}

fn unreadable(error: StoreError) -> Failure {
    Failure::new(Exit::Database, error.to_string())
}

fn unknown(data: &DataDir, session: Which) -> Failure {
    let what = match session {
        Which::Id(id) => format!("There is no session {id} in {}.", data.root().display()),
        Which::Last => format!("There is no session in {} yet.", data.root().display()),
    };
    Failure::new(
        Exit::Refused,
        format!(
            "{what} `paige-sidecar sessions` lists those that there are; --data-dir names another data directory."
        ),
    )
}

fn table(sessions: &[SessionLine]) -> String {
    let heads = [
        "ID", "STATUS", "STARTED", "DURATION", "ENTRIES", "PROJECT", "ISSUE",
    ];
    let mut rows = vec![heads.map(str::to_owned)];
    rows.extend(sessions.iter().map(|session| {
        let number = session.issue_number.map(|number| format!("#{number}"));
        let issue = [number, session.issue_title.as_deref().map(report::plain)];
        [
            session.id.to_string(),
            session.status.as_str().replace('_', " "),
            report::moment(&session.started_at),
            report::duration(session.duration_ms),
            session.entries.to_string(),
            report::plain(&session.project),
            issue.into_iter().flatten().collect::<Vec<_>>().join(" "),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..heads.len()).filter_map(width).collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&widths);
            let cells = cells.map(|(cell, width)| format!("{cell:width$}", width = *width));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use paige_store::coach::SessionStatus;

    use super::*;

    #[test]
    fn the_table_is_aligned_and_steers_no_terminal() {
        let session = SessionLine {
            id: 12,
            project: "/p\u{1b}[2J".to_owned(),
            issue_number: Some(7),
            issue_title: Some("One\ntwo".to_owned()),
            status: SessionStatus::CompletedWithErrors,
            started_at: "2026-02-11T10:00:00.000Z".to_owned(),
            ended_at: None,
            duration_ms: 61_000,
            entries: 3,
        };
        assert_eq!(
            table(&[session]),
            "ID  STATUS                 STARTED                  DURATION   ENTRIES  PROJECT  ISSUE\n\
             12  completed with errors  2026-02-11 10:00:00 UTC  1 min 1 s  3        /p\u{fffd}[2J   #7 One two"
        );
    }
}
