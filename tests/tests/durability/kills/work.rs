//! What the clients do, and what of it must be there after a kill.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::future::BoxFuture;
use paige_protocol::Version;
use paige_tests::Socket;
use serde_json::{Value, json};

/// A message to be sent.
pub(super) struct Request {
    pub(super) kind: &'static str,
    pub(super) payload: Value,
    pub(super) is_answered: bool,
}

/// What a client does.
pub(super) trait Work {
    /// Prepares the work of a round.
    fn begin<'a>(
        &'a mut self,
        socket: &'a mut Socket,
        init: &'a Value,
    ) -> BoxFuture<'a, Result<()>> {
        let _ = (socket, init);
        Box::pin(async { Ok(()) })
    }

    /// The next message, whatever became of those before.
    fn next(&mut self) -> Option<Request>;

    /// A request was answered, and not by an error. Answers come in the order of the requests.
    fn answered(&mut self, frame: &Value) -> Result<()> {
        let _ = frame;
        Ok(())
    }

    /// Looks after a restart whether all is there that was acknowledged.
    fn check(&mut self, world: &World<'_>) -> Result<()> {
        let _ = world;
        Ok(())
    }
}

/// What is there after a restart.
pub(super) struct World<'a> {
    /// Unsaved text, by path.
    pub(super) backups: BTreeMap<String, String>,
    /// Files and folders, by `project/` and their path.
    pub(super) on_disk: BTreeMap<String, Vec<u8>>,
    /// What the last round added to the timeline.
    pub(super) entries: &'a [Value],
}

/// A file in its `n`th version; each is another text, and none is a part of another. Those in a folder
/// have from one line to a hundred kilobytes, and are short where `n` is even.
fn content(path: &str, n: usize) -> String {
    let lines = match n % 6 {
        _ if !path.contains('/') => 20,
        1 => 40,
        3 => 300,
        5 => 1500,
        even => even + 1,
    };
    let line = format!("{path}, version {n}: to be kept whole, from the first byte to the last\n");
    format!("{n}\n{}{n}", line.repeat(lines))
}

/// Which version a text is.
fn version_in(path: &str, text: &str) -> Result<usize> {
    let (n, _) = text
        .split_once('\n')
        .with_context(|| format!("{path} is cut: {text:.100}"))?;
    let n = n
        .parse()
        .with_context(|| format!("{path} begins with {n:.100}"))?;
    ensure!(text == content(path, n), "{path} is not whole: {text:.100}");
    Ok(n)
}

/// How far a file has come.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// The last version that is known to be kept; 0 for none.
    kept: usize,
    /// The last version that was sent.
    sent: usize,
}

/// Edits and saves its files, without waiting for one save before the next.
pub(super) struct Author {
    files: Vec<(String, Progress)>,
    turn: usize,
    /// Each version by the text that stands for it on the wire.
    versions: HashMap<String, (usize, usize)>,
    /// What the next save of a file says that it is based on, if anything.
    bases: HashMap<usize, Value>,
    edited: bool,
}

impl Author {
    pub(super) fn new(name: &str, files: usize) -> Self {
        let path = |n| (format!("{name}/{n}.txt"), Progress::default());
        Self {
            files: (0..files).map(path).collect(),
            turn: 0,
            versions: HashMap::new(),
            bases: HashMap::new(),
            edited: false,
        }
    }
}

impl Work for Author {
    fn begin<'a>(&'a mut self, socket: &'a mut Socket, _: &'a Value) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            self.versions.clear();
            self.edited = false;
            for (at, (path, progress)) in self.files.iter_mut().enumerate() {
                let opened = socket.ask("file:open", json!({"path": path})).await?;
                let payload = &opened["payload"];
                if opened["type"] == "connection:error" {
                    ensure!(
                        payload["code"] == "FILE_NOT_FOUND" && progress.kept == 0,
                        "{opened}"
                    );
                    continue;
                }
                let shown = version_in(path, payload["content"].as_str().unwrap_or_default())?;
                ensure!(
                    shown >= progress.kept && shown <= progress.sent,
                    "{path}: {shown}, {progress:?}"
                );
                if payload["dirty"] == true {
                    // An edit outlived the save that was to follow it; whether that was made, only the
                    // disk knows, and the author means it.
                    let kept = content(path, progress.kept);
                    let base = (progress.kept > 0).then(|| Version::of(kept.as_bytes()));
                    self.bases.insert(at, json!(base));
                }
            }
            Ok(())
        })
    }

    fn next(&mut self) -> Option<Request> {
        let at = self.turn % self.files.len();
        let (path, progress) = &mut self.files[at];
        // The short versions are shown in the editor first: everybody is told of those.
        if !self.edited && progress.sent % 2 == 1 {
            self.edited = true;
            let text = content(path, progress.sent + 1);
            let cursor = json!({"line": 1, "column": 1});
            return Some(Request {
                kind: "buffer:update",
                payload: json!({"path": path, "content": text, "cursorPosition": cursor}),
                is_answered: false,
            });
        }
        self.edited = false;
        self.turn += 1;
        progress.sent += 1;
        let text = content(path, progress.sent);
        let version = Version::of(text.as_bytes()).as_str().to_owned();
        self.versions.insert(version, (at, progress.sent));
        let mut payload = json!({"path": path, "content": text});
        if let Some(base) = self.bases.remove(&at) {
            payload["baseVersion"] = base;
        }
        Some(Request {
            kind: "file:save",
            payload,
            is_answered: true,
        })
    }

    fn answered(&mut self, frame: &Value) -> Result<()> {
        let version = frame["payload"]["version"].as_str().unwrap_or_default();
        let (at, n) = self
            .versions
            .get(version)
            .with_context(|| frame.to_string())?;
        let (path, progress) = &mut self.files[*at];
        ensure!(
            frame["payload"]["path"] == path.as_str() && *n > progress.kept,
            "{frame}"
        );
        progress.kept = *n;
        Ok(())
    }

    fn check(&mut self, world: &World<'_>) -> Result<()> {
        for (path, progress) in &mut self.files {
            let on_disk = match world.on_disk.get(&format!("project/{path}")) {
                None => 0,
                Some(bytes) => version_in(path, std::str::from_utf8(bytes)?)?,
            };
            ensure!(
                on_disk >= progress.kept && on_disk <= progress.sent,
                "{path} on disk is version {on_disk}, not one of {progress:?}"
            );
            // Text that was saved must not come back as unsaved.
            if let Some(unsaved) = world.backups.get(path) {
                let unsaved = version_in(path, unsaved)?;
                ensure!(
                    unsaved > progress.kept && unsaved <= progress.sent + 1,
                    "{path}, version {unsaved} is kept as unsaved, and {progress:?}"
                );
            }
            progress.kept = on_disk;
        }
        Ok(())
    }
}

/// Types and never saves.
pub(super) struct Typist {
    files: Vec<(String, Progress)>,
    turn: usize,
}

impl Typist {
    pub(super) fn new(name: &str, files: usize) -> Self {
        let path = |n| (format!("{name}-{n}.txt"), Progress::default());
        Self {
            files: (0..files).map(path).collect(),
            turn: 0,
        }
    }
}

impl Work for Typist {
    fn begin<'a>(&'a mut self, _: &'a mut Socket, _: &'a Value) -> BoxFuture<'a, Result<()>> {
        // A round begins with an edit.
        self.turn = 0;
        Box::pin(async { Ok(()) })
    }

    fn next(&mut self) -> Option<Request> {
        self.turn += 1;
        // Files take turns, and each is edited four times before it is looked at.
        let at = self.turn / 5 % self.files.len();
        let (path, progress) = &mut self.files[at];
        if self.turn % 5 == 4 {
            return Some(Request {
                kind: "file:open",
                payload: json!({"path": path}),
                is_answered: true,
            });
        }
        progress.sent += 1;
        let text = content(path, progress.sent);
        let cursor = json!({"line": 1, "column": 1});
        Some(Request {
            kind: "buffer:update",
            payload: json!({"path": path, "content": text, "cursorPosition": cursor}),
            is_answered: false,
        })
    }

    fn answered(&mut self, frame: &Value) -> Result<()> {
        let shown = &frame["payload"];
        let (path, progress) = self
            .files
            .iter()
            .find(|(path, _)| shown["path"] == path.as_str())
            .with_context(|| frame.to_string())?;
        let n = version_in(path, shown["content"].as_str().unwrap_or_default())?;
        ensure!(
            n >= progress.kept && n <= progress.sent,
            "{path}: {n}, {progress:?}"
        );
        Ok(())
    }

    fn check(&mut self, world: &World<'_>) -> Result<()> {
        for (path, progress) in &mut self.files {
            ensure!(
                !world.on_disk.contains_key(&format!("project/{path}")),
                "{path} was never saved"
            );
            let kept = match world.backups.get(path) {
                None => 0,
                Some(text) => version_in(path, text)?,
            };
            ensure!(
                kept >= progress.kept && kept <= progress.sent,
                "{path}: version {kept} is restored, not one of {progress:?}"
            );
            progress.kept = kept;
        }
        Ok(())
    }
}

/// Starts and ends sessions.
#[derive(Default)]
pub(super) struct Coach {
    started: u32,
    is_active: bool,
}

impl Work for Coach {
    fn begin<'a>(&'a mut self, _: &'a mut Socket, init: &'a Value) -> BoxFuture<'a, Result<()>> {
        self.is_active = init["sessionId"].is_u64();
        Box::pin(async { Ok(()) })
    }

    fn next(&mut self) -> Option<Request> {
        self.is_active = !self.is_active;
        let (kind, payload) = if self.is_active {
            self.started += 1;
            let title = format!("Issue {} of the flood", self.started);
            (
                "session:start",
                json!({"issueNumber": self.started, "issueTitle": title}),
            )
        } else {
            ("session:end", json!({}))
        };
        Some(Request {
            kind,
            payload,
            is_answered: true,
        })
    }
}

/// Changes the hint level.
#[derive(Default)]
pub(super) struct Levels(usize);

impl Work for Levels {
    fn next(&mut self) -> Option<Request> {
        self.0 += 1;
        let level = ["low", "medium", "off", "high", "medium", "low", "high"][self.0 % 7];
        Some(Request {
            kind: "hints:level_change",
            payload: json!({"to": level}),
            is_answered: true,
        })
    }
}

/// Makes, moves and deletes files.
#[derive(Default)]
pub(super) struct Tidier {
    /// Files begun so far, over all rounds.
    begun: usize,
    /// Steps begun with the present one.
    steps: usize,
    /// What was answered in this round: the kind of the entry, and its path.
    answered: Vec<(&'static str, String)>,
}

impl Work for Tidier {
    fn begin<'a>(&'a mut self, _: &'a mut Socket, _: &'a Value) -> BoxFuture<'a, Result<()>> {
        // A file whose steps were cut stays as it is.
        self.steps = 0;
        Box::pin(async { Ok(()) })
    }

    fn next(&mut self) -> Option<Request> {
        if self.steps == 0 {
            self.begun += 1;
        }
        let (made, moved) = (
            format!("made/{}.txt", self.begun),
            format!("moved/{}.txt", self.begun),
        );
        let (kind, payload) = match self.steps {
            0 => ("file:create", json!({"path": made, "kind": "file"})),
            1 => ("file:rename", json!({"path": made, "newPath": moved})),
            _ => ("file:delete", json!({"path": moved})),
        };
        self.steps = (self.steps + 1) % 3;
        Some(Request {
            kind,
            payload,
            is_answered: true,
        })
    }

    fn answered(&mut self, frame: &Value) -> Result<()> {
        let kind = match frame["payload"]["action"].as_str() {
            Some("add") => "file_create",
            Some("rename") => "file_rename",
            Some("unlink") => "file_delete",
            _ => bail!("{frame}"),
        };
        let path = frame["payload"]["path"].as_str().unwrap_or_default();
        self.answered.push((kind, path.to_owned()));
        Ok(())
    }

    fn check(&mut self, world: &World<'_>) -> Result<()> {
        let mut last: HashMap<String, &str> = HashMap::new();
        for (kind, path) in &self.answered {
            let is_told = world.entries.iter().any(|entry| {
                entry["kind"] == *kind
                    && entry["data"]
                        .as_str()
                        .is_some_and(|data| data.starts_with(&format!("{{\"path\":\"{path}\"")))
            });
            ensure!(is_told, "{kind} of {path} is not on the timeline");
            let file = path.rsplit('/').next().unwrap_or_default();
            last.insert(file.to_owned(), kind);
        }
        for (file, kind) in last {
            let made = world.on_disk.contains_key(&format!("project/made/{file}"));
            let moved = world.on_disk.contains_key(&format!("project/moved/{file}"));
            // The steps after it may have been made without an answer.
            let right = match kind {
                "file_create" => !(made && moved),
                "file_rename" => !made,
                _ => !made && !moved,
            };
            ensure!(right, "{file} after {kind}: made {made}, moved {moved}");
        }
        self.answered.clear();
        Ok(())
    }
}

/// Only listens.
pub(super) struct Watcher;

impl Work for Watcher {
    fn next(&mut self) -> Option<Request> {
        None
    }
}
