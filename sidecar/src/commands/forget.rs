//! `forget`: a session, or all of a project, is taken out of the data directory.

use std::fmt;
use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use paige_store::coach::{forget, sessions};
use paige_store::{Eraser, StoreError};

use crate::config::Mind;
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, print, tell};
use crate::rendezvous;

/// What is to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Forget {
    /// A session.
    Session(u32),
    /// All of a project, by the text with which the database knows its folder.
    Project(String),
}

impl Forget {
    /// What was asked for on the command line. A folder that is gone is meant as it is written.
    ///
    /// # Errors
    /// [`Exit::Refused`] for a folder that cannot be one of ours.
    pub(crate) fn of(session: Option<u32>, project: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(id) = session {
            return Ok(Self::Session(id));
        }
        let given = project.unwrap_or_else(|| PathBuf::from("."));
        let folder = given
            .canonicalize()
            .or_else(|_| std::path::absolute(&given))
            .ok();
        match folder.and_then(|folder| folder.into_os_string().into_string().ok()) {
            Some(folder) => Ok(Self::Project(folder)),
            None => Err(Failure::new(
                Exit::Refused,
                format!(
                    "--project: {} is no folder that Paige can have served. Name the folder of the project.",
                    given.display()
                ),
            )),
        }
    }
}

impl fmt::Display for Forget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => write!(f, "Session {id}"),
            Self::Project(folder) => write!(f, "All of the project {folder}"),
        }
    }
}

/// Removes a session or a project for good, after asking unless `yes`.
///
/// # Errors
/// [`Exit::DataDirHeld`] while a sidecar runs, [`Exit::Refused`] when there is nothing of that name,
/// [`Exit::Usage`] when nobody is there to be asked, [`Exit::Database`] when the database fails.
pub(crate) fn forget(data: &DataDir, mind: &Mind, what: &Forget, yes: bool) -> Result<(), Failure> {
    let path = data.database();
    if !path.exists() {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "There is no database at {}, so that there is nothing to forget. Name another --data-dir if yours is elsewhere.",
                path.display()
            ),
        ));
    }
    let _lock = data.lock().map_err(|failure| Failure {
        message: format!(
            "{}\nThings are forgotten only while no sidecar runs, since it would go on with them.",
            failure.message
        ),
        ..failure
    })?;
    let mut eraser =
        Eraser::open(&path).map_err(|error| Failure::new(Exit::Database, error.to_string()))?;
    let copies = eraser.copies().map_err(|error| {
        Failure::internal(
            &format!("{} cannot be listed", data.root().display()),
            error,
        )
    })?;
    let question = match what {
        Forget::Session(id) => about_session(&eraser, *id)?,
        Forget::Project(folder) => about_project(&eraser, folder)?,
    };
    let question = format!("{question}{}", about_the_rest(data, &copies));
    if !yes && !is_wanted(&question)? {
        print("Nothing was removed.");
        return Ok(());
    }

    eraser
        .take_out(|erasure| match what {
            Forget::Session(id) => forget::session(erasure, *id),
            Forget::Project(folder) => forget::project(erasure, folder),
        })
        .map_err(|error| database("Nothing was removed", &error))?;
    let copies_removed = remove(&copies);
    eraser.scrub().map_err(|error| {
        database(
            &format!(
                "{what} is removed, but the database could not be written anew, so that parts may still be in its files. \
                 Close other programs that have it open, make room on the disk, and run `sqlite3 {} VACUUM`",
                path.display()
            ),
            &error,
        )
    })?;
    eraser
        .close()
        .map_err(|error| database("The database could not be closed", &error))?;
    copies_removed?;
    // After the record, which says what there was: cut off here, the same command says that there is
    // no such session, and `memory forget --session` does the rest.
    if data.memory().exists() {
        let memories = match what {
            Forget::Session(id) => paige_memory::Forget::Session(*id),
            Forget::Project(folder) => paige_memory::Forget::Project(folder.clone()),
        };
        super::memory::forget(data, mind, memories)?;
    }
    if let Forget::Project(folder) = what {
        rendezvous::forget_port(&data.ports(), folder)
            .map_err(|error| Failure::internal("The port of the project is still kept", error))?;
    }
    print(&format!("{what} is removed."));
    Ok(())
}

fn about_session(eraser: &Eraser, id: u32) -> Result<String, Failure> {
    let found = eraser.look(|reader| {
        let session = sessions::by_id(reader, id)?;
        let extent = forget::extent_of_session(reader, id)?;
        Ok(session.map(|session| (session, extent)))
    });
    let (session, extent) = match found {
        Ok(Some(found)) => found,
        Ok(None) | Err(StoreError::NotFound { .. }) => {
            return Err(Failure::new(
                Exit::Refused,
                format!(
                    "There is no session {id}. `paige-sidecar sessions` lists those that there are; --project forgets all of a project."
                ),
            ));
        }
        Err(error) => return Err(database("The database cannot be read", &error)),
    };
    let state = match &session.ended_at {
        Some(at) => format!("ended {at}"),
        None => "it has not ended yet".to_owned(),
    };
    Ok(format!(
        "This removes session {id} of {} (started {}, {state}) for good:\n\
         \x20 - its plan, phases, hints, and the earlier texts of its files;\n\
         \x20 - {} on the timeline;\n\
         \x20 - {} first noticed in it, with katas and material about them;\n\
         \x20 - what is remembered of it;\n\
         \x20 - {} kept for windows that come back: all up to the end of the session, those of earlier sessions too.\n\
         Unsaved text stays.",
        session.project_dir,
        session.started_at,
        counted(extent.entries, "entry", "entries"),
        counted(extent.gaps, "knowledge gap", "knowledge gaps"),
        counted(extent.pushes, "message", "messages"),
    ))
}

fn about_project(eraser: &Eraser, folder: &str) -> Result<String, Failure> {
    let looked = eraser.look(|reader| {
        Ok((
            forget::projects(reader)?,
            forget::extent_of_project(reader, folder)?,
            forget::is_only_project(reader, folder)?,
        ))
    });
    let (known, extent, alone) =
        looked.map_err(|error| database("The database cannot be read", &error))?;
    if !known.iter().any(|known| known == folder) {
        let known = if known.is_empty() {
            "nothing of any project".to_owned()
        } else {
            format!("something of {}", known.join(", "))
        };
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "Nothing is kept of a project {folder}; the database knows {known}. Name the folder as it is written there."
            ),
        ));
    }
    let rest = if alone {
        "\nIt is the only project here, so that what happened without a session goes as well."
    } else {
        "\nWhat happened without a session does not say of which project it is, and stays on the timeline; \
         --timeline-keep-days lets it go with time."
    };
    Ok(format!(
        "This removes all that is kept of the project {folder} for good; the folder itself is not touched:\n\
         \x20 - {}, with plans, phases, hints, and the earlier texts of files;\n\
         \x20 - {} on the timeline;\n\
         \x20 - {} first noticed in them, with katas and material about them;\n\
         \x20 - what is remembered of them;\n\
         \x20 - {} kept for windows that come back;\n\
         \x20 - the unsaved text of {}.{rest}",
        counted(extent.sessions, "session", "sessions"),
        counted(extent.entries, "entry", "entries"),
        counted(extent.gaps, "knowledge gap", "knowledge gaps"),
        counted(extent.pushes, "message", "messages"),
        counted(extent.unsaved, "file", "files"),
    ))
}

fn about_the_rest(data: &DataDir, copies: &[PathBuf]) -> String {
    let mut text = String::new();
    if !copies.is_empty() {
        text.push_str(
            "\nThese copies of the whole database, made before it was brought up to date, are removed as well, since they hold it too:",
        );
        for copy in copies {
            text.push_str(&format!("\n  - {}", copy.display()));
        }
    }
    text.push_str("\nWhat calls of models cost stays counted, and so does what is known of your skills as a whole.");
    if has_entries(&data.trash()) {
        text.push_str(&format!(
            "\n{} holds files that were deleted in the UI, and stays; remove there what you do not want to keep.",
            data.trash().display()
        ));
    }
    text
}

fn has_entries(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Asks on the terminal.
fn is_wanted(question: &str) -> Result<bool, Failure> {
    let input = io::stdin();
    if !input.is_terminal() {
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "{question}\nThis is no terminal to ask on, and nothing was removed. Add --yes if you are sure."
            ),
        ));
    }
    tell(question);
    let mut err = io::stderr();
    let _ = write!(err, "Remove it? [y/N] ");
    let _ = err.flush();
    let mut answer = String::new();
    input
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::internal("The answer could not be read", error))?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}

fn remove(copies: &[PathBuf]) -> Result<(), Failure> {
    for copy in copies {
        match fs::remove_file(copy) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::new(
                    Exit::Internal,
                    format!(
                        "The database no longer holds it, but its copy {} does, and could not be removed: {error}. Remove that file yourself.",
                        copy.display()
                    ),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn database(what: &str, error: &StoreError) -> Failure {
    Failure::new(Exit::Database, format!("{what}: {error}"))
}

fn counted(count: u32, one: &str, many: &str) -> String {
    match count {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_gone_is_meant_as_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let text = gone.to_str().unwrap().to_owned();
        assert_eq!(Forget::of(None, Some(gone)).unwrap(), Forget::Project(text));
        let here = folder.path().join("./.");
        let real = folder.path().canonicalize().unwrap();
        assert_eq!(
            Forget::of(None, Some(here)).unwrap(),
            Forget::Project(real.to_str().unwrap().to_owned())
        );
    }
}
