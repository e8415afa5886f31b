//! The generated files of `bindings/`: TypeScript and JSON Schema of the wire, made from the Rust
//! types of `paige-protocol`.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};
use paige_protocol::{
    PROTOCOL_VERSION,
    coach::{ClientFrame, ClientMessage, ServerFrame, ServerMessage, TimelinePage},
};
use schemars::{JsonSchema, generate::SchemaSettings};
use similar::TextDiff;
use specta::Types;
use specta_typescript::{Exporter, Layout, Typescript};

/// The package that holds the generated files, relative to the root.
pub(crate) const BINDINGS: &str = "bindings";

/// How to bring the files up to date.
const FIX: &str = "cargo xtask codegen";

/// Files that may lie in a folder of generated files only when they are generated.
const GENERATED_FOLDER: &str = "schema";

/// Generated files by their path below `bindings/`.
type Generated = BTreeMap<String, String>;

/// Makes every generated file, in memory.
pub(crate) fn generate() -> Result<Generated> {
    Ok(Generated::from([
        ("messages.ts".to_owned(), typescript()?),
        (
            format!("{GENERATED_FOLDER}/client.json"),
            schema::<ClientFrame>("What a client of Paige sends")?,
        ),
        (
            format!("{GENERATED_FOLDER}/server.json"),
            schema::<ServerFrame>("What Paige sends to a client")?,
        ),
    ]))
}

fn typescript() -> Result<String> {
    let types = Types::default()
        .register::<ClientFrame>()
        .register::<ClientMessage>()
        .register::<ServerFrame>()
        .register::<ServerMessage>()
        .register::<TimelinePage>();
    let exporter = Exporter::from(Typescript::default())
        .framework_prelude(format!(
            "// Generated from the types of paige-protocol by `{FIX}`. Do not edit."
        ))
        .layout(Layout::FlatFile);
    let body = exporter
        .export(&types, specta_serde::Format)
        .context("the wire types cannot be written as TypeScript")?;
    let types = format!(
        "{}\n\n{}",
        body.trim_end(),
        format_args!(
            "\
/** The version of the wire, `major.minor`. */
export const PROTOCOL_VERSION = \"{PROTOCOL_VERSION}\";

/** A whole frame of a client. */
export type ClientFrame = ClientEnvelope<ClientMessage>;

/** A whole frame of the sidecar. */
export type ServerFrame = ServerEnvelope<ServerMessage>;

/** An entry of the timeline: the data of each event of its stream. */
export type TimelineEntry = TimelineEntryOf<Action>;

/** What `GET /timeline` answers. */
export type TimelinePage = TimelinePageOf<Action>;

/** The payload of every message of a client, by its type. */
export type ClientPayloads = {{ [M in ClientMessage as M[\"type\"]]: M[\"payload\"] }};

/** The payload of every message of the sidecar, by its type. */
export type ServerPayloads = {{ [M in ServerMessage as M[\"type\"]]: M[\"payload\"] }};
"
        )
    );
    Ok(tidied(&types))
}

/// Without the second blank that doc comments keep from Rust, and without blanks at line ends.
fn tidied(text: &str) -> String {
    let tidied = |line: &str| {
        let line = line.trim_end();
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        for opening in ["/** ", "* "] {
            if let Some(rest) = body.strip_prefix(opening) {
                return format!(
                    "{indent}{opening}{}",
                    rest.strip_prefix(' ').unwrap_or(rest)
                );
            }
        }
        line.to_owned()
    };
    text.lines().map(|line| tidied(line) + "\n").collect()
}

fn schema<T: JsonSchema>(title: &str) -> Result<String> {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

/// Writes the generated files and removes those that are generated no more.
pub(crate) fn write(root: &Path) -> Result<()> {
    for difference in drift(root, &generate()?)? {
        difference.repair(root)?;
        crate::say(&difference.headline());
    }
    Ok(())
}

/// Fails once when the committed files are not what the types say, and repairs them.
pub(crate) fn check(root: &Path) -> Result<()> {
    check_against(root, &generate()?)
}

fn check_against(root: &Path, generated: &Generated) -> Result<()> {
    let differences = drift(root, generated)?;
    if differences.is_empty() {
        return Ok(());
    }
    let mut report = String::new();
    for difference in &differences {
        difference.repair(root)?;
        report += &difference.describe();
    }
    anyhow::bail!(
        "{report}\nThe generated files above did not agree with the types of paige-protocol. They \
         are repaired now, as `{FIX}` does; look at them, run the tests again and commit them."
    )
}

/// One file that is not as it should be.
struct Difference {
    path: String,
    committed: Option<String>,
    wanted: Option<String>,
}

impl Difference {
    fn headline(&self) -> String {
        let what = match (&self.committed, &self.wanted) {
            (None, _) => "is missing",
            (_, None) => "is generated no more",
            _ => "has changed",
        };
        format!("{BINDINGS}/{} {what}", self.path)
    }

    fn describe(&self) -> String {
        let (old, new) = (
            self.committed.as_deref().unwrap_or_default(),
            self.wanted.as_deref().unwrap_or_default(),
        );
        let diff = TextDiff::from_lines(old, new);
        let mut unified = diff.unified_diff();
        unified.context_radius(3).header("committed", "generated");
        format!("{}\n{unified}", self.headline())
    }

    fn repair(&self, root: &Path) -> Result<()> {
        let file = root.join(BINDINGS).join(&self.path);
        match &self.wanted {
            Some(text) => {
                if let Some(folder) = file.parent() {
                    fs::create_dir_all(folder)?;
                }
                fs::write(&file, text)
            }
            None => fs::remove_file(&file),
        }
        .with_context(|| format!("cannot repair {}", file.display()))
    }
}

/// Compares the set of files first, then each file.
fn drift(root: &Path, generated: &Generated) -> Result<Vec<Difference>> {
    let package = root.join(BINDINGS);
    let mut differences = Vec::new();
    for (path, wanted) in generated {
        let committed = fs::read_to_string(package.join(path)).ok();
        if committed.as_deref() != Some(wanted) {
            differences.push(Difference {
                path: path.clone(),
                committed,
                wanted: Some(wanted.clone()),
            });
        }
    }
    if let Ok(entries) = fs::read_dir(package.join(GENERATED_FOLDER)) {
        for entry in entries {
            let path = format!(
                "{GENERATED_FOLDER}/{}",
                entry?.file_name().to_string_lossy()
            );
            if !generated.contains_key(&path) {
                differences.push(Difference {
                    committed: fs::read_to_string(package.join(&path)).ok(),
                    path,
                    wanted: None,
                });
            }
        }
    }
    Ok(differences)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_up() -> Generated {
        Generated::from([
            ("messages.ts".to_owned(), "export type A = 1;\n".to_owned()),
            ("schema/client.json".to_owned(), "{}\n".to_owned()),
        ])
    }

    #[test]
    fn drift_is_told_with_its_diff_and_repaired_once() {
        let root = tempfile::tempdir().expect("a folder");
        let schema = root.path().join("bindings/schema");
        fs::create_dir_all(&schema).expect("a folder");
        fs::write(
            root.path().join("bindings/messages.ts"),
            "export type A = 2;\n",
        )
        .expect("written");
        fs::write(schema.join("old.json"), "[]\n").expect("written");

        let error = check_against(root.path(), &made_up()).expect_err("three files differ");
        let error = error.to_string();
        for part in [
            "bindings/messages.ts has changed",
            "-export type A = 2;\n+export type A = 1;",
            "bindings/schema/client.json is missing",
            "bindings/schema/old.json is generated no more",
            "`cargo xtask codegen`",
        ] {
            assert!(error.contains(part), "{part:?} is not in:\n{error}");
        }
        check_against(root.path(), &made_up()).expect("they were repaired");
        assert!(!schema.join("old.json").exists());
    }

    #[test]
    fn generating_twice_gives_the_same() {
        assert_eq!(generate().expect("files"), generate().expect("files"));
    }

    #[test]
    fn every_message_is_in_the_typescript_and_in_the_schema() {
        let files = generate().expect("files");
        for (schema, kinds) in [
            ("schema/client.json", ClientMessage::KINDS),
            ("schema/server.json", ServerMessage::KINDS),
        ] {
            for kind in kinds {
                assert!(
                    files["messages.ts"].contains(&format!("type: \"{kind}\"")),
                    "{kind}"
                );
                assert!(
                    files[schema].contains(&format!("\"const\": \"{kind}\"")),
                    "{kind}"
                );
            }
        }
    }

    #[test]
    fn the_committed_files_are_what_the_types_say() {
        check(crate::project::root()).expect("no drift");
    }
}
