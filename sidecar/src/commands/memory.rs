//! `memory`: the developer's own record of what Paige remembers.

use std::path::PathBuf;

use paige_memory::{Entry, Filter, Forget, Memory, MemoryError, Query};

use super::thinking::runtime;
use crate::cli::MemoryCommand;
use crate::config::Mind;
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, print, tell};
use crate::mind;

/// Lists, finds, forgets or exports memories.
///
/// # Errors
/// [`Exit::Refused`] when a memory is not there or a question is blank, [`Exit::Database`] when the
/// record cannot be read or written.
pub(crate) fn memory(data: &DataDir, mind: &Mind, command: MemoryCommand) -> Result<(), Failure> {
    if !data.memory().exists() {
        print(&format!(
            "Nothing is remembered in {} yet. Memories are written when a coaching session is wrapped up.",
            data.root().display()
        ));
        return Ok(());
    }
    runtime()?.block_on(async {
        let memory = mind::open_memory(data, mind).await?;
        let done = run(&memory, command).await;
        memory.close().await;
        done
    })
}

async fn run(memory: &Memory, command: MemoryCommand) -> Result<(), Failure> {
    match command {
        MemoryCommand::List {
            project,
            limit,
            json,
        } => {
            let filter = Filter {
                project: project.map(folder),
                limit,
                ..Filter::default()
            };
            let entries = memory.list(filter).await.map_err(failed)?;
            if json {
                return tell_json(&entries);
            }
            if entries.is_empty() {
                print("Nothing is remembered that fits.");
            }
            for entry in &entries {
                print(&told(entry));
            }
        }
        MemoryCommand::Search {
            text,
            project,
            only,
            limit,
            json,
        } => {
            let query = Query {
                project: project.map(folder),
                only_project: only,
                limit,
                ..Query::new(text)
            };
            let recall = memory.query(query).await.map_err(failed)?;
            if let Some(note) = &recall.note {
                tell(note);
            }
            if json {
                return tell_json(&recall);
            }
            if recall.memories.is_empty() {
                print("Nothing is remembered that is like it.");
            }
            for found in recall.memories {
                let elsewhere = if found.other_project {
                    "  (of another project)"
                } else {
                    ""
                };
                let entry = Entry {
                    id: found.id,
                    content: found.content,
                    metadata: found.metadata,
                };
                print(&format!(
                    "{:.3}  {}{elsewhere}",
                    found.distance,
                    told(&entry)
                ));
            }
        }
        MemoryCommand::Forget {
            ids,
            session,
            project,
            all,
        } => {
            let what = match (session, project) {
                (Some(session), _) => Forget::Session(session),
                (None, Some(project)) => Forget::Project(folder(project)),
                (None, None) if all => Forget::All,
                (None, None) => Forget::Ids(ids),
            };
            let forgotten = let_go(memory, what).await?;
            print(&match forgotten {
                1 => "1 memory is forgotten for good.".to_owned(),
                count => format!("{count} memories are forgotten for good."),
            });
        }
        MemoryCommand::Export => return tell_json(&memory.export().await.map_err(failed)?),
    }
    Ok(())
}

/// Forgets memories without a word.
///
/// # Errors
/// [`Exit::Database`] when the record cannot be written.
pub(super) fn forget(data: &DataDir, mind: &Mind, what: Forget) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let memory = mind::open_memory(data, mind).await?;
        let done = let_go(&memory, what).await;
        memory.close().await;
        done.map(drop)
    })
}

async fn let_go(memory: &Memory, what: Forget) -> Result<u32, Failure> {
    let forgotten = memory.forget(what).await.map_err(failed)?;
    if let Some(note) = forgotten.note {
        tell(&note);
    }
    Ok(forgotten.forgotten)
}

/// The folder as the record names it: canonical, or as it is written when it is gone.
fn folder(given: PathBuf) -> String {
    let folder = given
        .canonicalize()
        .or_else(|_| std::path::absolute(&given));
    folder.unwrap_or(given).to_string_lossy().into_owned()
}

fn told(entry: &Entry) -> String {
    let day = entry.metadata.created_at.get(..10).unwrap_or_default();
    format!(
        "{}  {day}  session {}  {}\n    {}",
        entry.id,
        entry.metadata.session_id,
        entry.metadata.project_dir,
        entry.content.replace('\n', "\n    ")
    )
}

fn tell_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::internal("The memories cannot be written as JSON", error))?;
    print(&text);
    Ok(())
}

fn failed(error: MemoryError) -> Failure {
    let exit = match error {
        MemoryError::Invalid(_) | MemoryError::NotFound { .. } => Exit::Refused,
        _ => Exit::Database,
    };
    Failure::new(exit, error.to_string())
}
