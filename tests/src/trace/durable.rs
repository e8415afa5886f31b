//! Whether a [`Trace`] shows that acknowledged means durable (blueprint §2, §5).
//!
//! A kill does not empty the cache of the system, so that it cannot show it. What is looked for here:
//!
//! * every push, and every direct answer to a change, is written to its socket after a sync of the
//!   write-ahead log that began when the whole transaction with its row had been written;
//! * every save is write → sync of the file → rename → sync of the folder → acknowledgement.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Call, Trace};

/// The calls that a trace must hold.
pub const CALLS: &str = "?write,?writev,?pwrite64,?pwritev,?sendto,?sendmsg,?fsync,?fdatasync,?open,\
    ?openat,?openat2,?creat,?rename,?renameat,?renameat2,?link,?linkat,?unlink,?unlinkat,?mkdir,?mkdirat";

/// How many bytes of each text a trace must keep: a page of the database, and each message of a test.
pub const TEXT: usize = 8192;

/// What a client did that a trace does not tell.
#[derive(Debug, Default)]
pub struct Known {
    /// The project folder.
    pub project: PathBuf,
    /// The saved texts, by the version that their acknowledgement names.
    pub saved: HashMap<String, Vec<u8>>,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many different pushes were sent to anybody.
    pub pushes: usize,
    /// How often a push was sent to a client.
    pub push_frames: usize,
    /// How many direct answers to a change were sent.
    pub answers: usize,
    /// How many results of tools were sent.
    pub tool_results: usize,
    /// What was acknowledged too early: one sentence each.
    pub violations: Vec<String>,
}

/// Answers to changes that are pushed as well.
const CHANGES: [&str; 4] = [
    "session:started",
    "session:completed",
    "fs:save_ack",
    "hints:level",
];
/// Pushes that tools cause.
const BY_TOOLS: [&str; 3] = ["editor:", "explorer:", "coaching:"];
/// What a result of a tool holds. Only tools that change something are to be called in a trace.
const TOOL_RESULT: &str = r#""structuredContent":{"#;

/// Looks a trace through.
///
/// # Errors
/// When the trace does not hold what it should; what is acknowledged too early is a finding.
pub fn check(trace: &Trace, known: &Known) -> Result<Findings> {
    let log = Log::read(trace)?;
    let sent = Sent::read(trace)?;
    let mut findings = Findings {
        pushes: sent.pushes.len(),
        push_frames: sent.pushes.values().map(|push| push.sent.len()).sum(),
        answers: sent.answers.len(),
        tool_results: sent.tool_results.len(),
        violations: Vec::new(),
    };
    let early = &mut findings.violations;

    // The numbers of pushes are given out in the order of their transactions.
    let mut durable = Vec::new();
    let mut from = 0;
    for (seq, push) in &sent.pushes {
        let row = [&push.kind, &push.payload, &push.at]
            .map(String::as_str)
            .concat();
        let found = log.first_with(from, row.as_bytes());
        from = found.unwrap_or(from);
        let synced = found.and_then(|at| log.0[at].synced);
        durable.push((push, synced));
        for began in &push.sent {
            if synced.is_none_or(|synced| synced > *began) {
                early.push(format!(
                    "push {seq} ({}) was sent before its row was synced",
                    push.kind
                ));
            }
        }
    }

    // Answers carry no number: the third of a kind needs three durable rows of it, whichever.
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    for answer in &sent.answers {
        let (kind, payload) = (answer.kind.as_str(), answer.payload.as_str());
        let synced = if CHANGES.contains(&kind) {
            let count = counts.entry((kind, payload)).or_default();
            *count += 1;
            let rows = durable
                .iter()
                .filter(|(push, _)| push.kind == kind && push.payload == payload);
            nth(rows.map(|(_, synced)| *synced), *count)
        } else {
            log.first_with(0, entry_of(answer)?.as_bytes())
                .and_then(|at| log.0[at].synced)
        };
        if synced.is_none_or(|synced| synced > answer.began) {
            early.push(format!(
                "an answer {kind} was sent before its row was synced: {payload:.200}"
            ));
        }
    }
    for (count, began) in sent.tool_results.iter().enumerate() {
        let rows = durable
            .iter()
            .filter(|(push, _)| BY_TOOLS.iter().any(|family| push.kind.starts_with(family)));
        let synced = nth(rows.map(|(_, synced)| *synced), count + 1);
        if synced.is_none_or(|synced| synced > *began) {
            early.push(format!(
                "result {count} of a tool was sent before its row was synced"
            ));
        }
    }

    for (kind, payload, began) in sent.all() {
        let missing = match kind {
            "fs:save_ack" => saved_by(trace, known, payload)?,
            "fs:tree_update" => changed_by(trace, known, payload, began)?,
            _ => continue,
        };
        match missing {
            Ok(done) if done < began => {}
            Ok(_) => early.push(format!(
                "{kind} was sent before its folder was synced: {payload}"
            )),
            Err(step) => early.push(format!("{kind} was sent, and there was {step}: {payload}")),
        }
    }
    Ok(findings)
}

/// The line in which the `n`th row was durable; `None` when fewer ever were.
fn nth(rows: impl Iterator<Item = Option<usize>>, n: usize) -> Option<usize> {
    let mut lines: Vec<usize> = rows.flatten().collect();
    lines.sort_unstable();
    lines.get(n.checked_sub(1)?).copied()
}

/// The write-ahead log: its transactions, in order.
struct Log(Vec<Transaction>);

#[derive(Default)]
struct Transaction {
    pages: Vec<u8>,
    /// The line in which its last frame was written.
    written: usize,
    /// The line in which the first sync ended that began after that.
    synced: Option<usize>,
}

impl Log {
    fn read(trace: &Trace) -> Result<Self> {
        let of_log = |call: &&Call| call.file().is_some_and(|file| file.ends_with("-wal"));
        let mut transactions = Vec::new();
        let mut open = Transaction::default();
        let mut last_of_transaction = false;
        // SQLite writes at places; what is appended by `write` is room that the store makes in the
        // log, at any moment, also between the header of a frame and its page.
        for call in trace.named(&["pwrite64"]).filter(of_log) {
            let ended = call.ended.context("a write of the log has no end")?;
            let data = call.data();
            ensure!(
                call.result == data.len().to_string(),
                "a write of the log is not whole in the trace: {} of {} bytes",
                data.len(),
                call.result
            );
            match data.len() {
                // The header of the file.
                32 => {}
                // The header of a frame: page, and the size of the database if it is the last one.
                24 => last_of_transaction = data[4..8] != [0; 4],
                _ => {
                    open.pages.extend(data);
                    if last_of_transaction {
                        open.written = ended;
                        transactions.push(std::mem::take(&mut open));
                    }
                }
            }
        }
        for call in trace.named(&["fsync", "fdatasync"]).filter(of_log) {
            let Some(ended) = call.ended.filter(|_| call.worked()) else {
                continue;
            };
            for transaction in &mut transactions {
                // Several may be under way, and the one that began first need not end first.
                if transaction.written < call.began
                    && transaction.synced.is_none_or(|synced| ended < synced)
                {
                    transaction.synced = Some(ended);
                }
            }
        }
        Ok(Self(transactions))
    }

    /// The first transaction from `from` on that holds these bytes.
    fn first_with(&self, from: usize, bytes: &[u8]) -> Option<usize> {
        let holds = |transaction: &Transaction| contains(&transaction.pages, bytes);
        (from..self.0.len()).find(|at| holds(&self.0[*at]))
    }
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(text, wanted).is_some()
}

/// What was written to sockets.
#[derive(Default)]
struct Sent {
    pushes: BTreeMap<u64, Push>,
    answers: Vec<Answer>,
    /// The line in which each began.
    tool_results: Vec<usize>,
}

struct Push {
    kind: String,
    payload: String,
    at: String,
    /// The line in which it began to be sent, once for each client.
    sent: Vec<usize>,
}

struct Answer {
    kind: String,
    payload: String,
    began: usize,
}

impl Sent {
    fn read(trace: &Trace) -> Result<Self> {
        #[derive(Deserialize)]
        struct Frame<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            #[serde(borrow)]
            payload: &'a RawValue,
            id: Option<Value>,
            seq: Option<u64>,
            timestamp: &'a str,
        }
        const START: &[u8] = br#"{"type":""#;
        let mut sent = Self::default();
        for call in trace.named(&["write", "writev", "sendto", "sendmsg"]) {
            if !call.file().is_some_and(|file| file.starts_with("TCP")) {
                continue;
            }
            let data = call.data();
            let results = memchr::memmem::find_iter(&data, TOOL_RESULT).count();
            sent.tool_results
                .extend(std::iter::repeat_n(call.began, results));
            let mut rest = data.as_slice();
            while let Some(at) = memchr::memmem::find(rest, START) {
                rest = &rest[at..];
                let mut frames =
                    serde_json::Deserializer::from_slice(rest).into_iter::<Frame<'_>>();
                let Some(Ok(frame)) = frames.next() else {
                    // A part of a text that looks like a frame, or a large tree.
                    rest = &rest[START.len()..];
                    continue;
                };
                rest = &rest[frames.byte_offset()..];
                let (kind, payload) = (frame.kind.to_owned(), frame.payload.get().to_owned());
                match (frame.seq, frame.id) {
                    (Some(seq), _) => sent
                        .pushes
                        .entry(seq)
                        .or_insert_with(|| Push {
                            kind,
                            payload,
                            at: frame.timestamp.to_owned(),
                            sent: Vec::new(),
                        })
                        .sent
                        .push(call.began),
                    (None, Some(_))
                        if CHANGES.contains(&frame.kind) || frame.kind == "fs:tree_update" =>
                    {
                        sent.answers.push(Answer {
                            kind,
                            payload,
                            began: call.began,
                        });
                    }
                    _ => {}
                }
            }
        }
        Ok(sent)
    }

    /// Type, payload and line of all that was sent.
    fn all(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        let pushes = self.pushes.values().flat_map(|push| {
            let sent = push.sent.iter();
            sent.map(|began| (push.kind.as_str(), push.payload.as_str(), *began))
        });
        let answers = self.answers.iter();
        pushes.chain(
            answers.map(|answer| (answer.kind.as_str(), answer.payload.as_str(), answer.began)),
        )
    }
}

#[derive(Deserialize)]
struct Change {
    path: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    action: String,
    #[serde(default, rename = "newPath")]
    new_path: Option<String>,
}

/// How the entry of the timeline begins that belongs to an answer about a file or folder.
fn entry_of(answer: &Answer) -> Result<String> {
    let change: Change = serde_json::from_str(&answer.payload)?;
    let action = match change.action.as_str() {
        "add" | "addDir" => "file_create",
        "rename" => "file_rename",
        "unlink" | "unlinkDir" => "file_delete",
        other => anyhow::bail!("an answer about {other}"),
    };
    Ok(format!("{action}{{\"path\":\"{}\"", change.path))
}

/// A step that is missing, or the line in which the last one ended.
type Steps = Result<usize, &'static str>;

/// Whether a save went its way before this acknowledgement.
fn saved_by(trace: &Trace, known: &Known, payload: &str) -> Result<Steps> {
    let ack: Change = serde_json::from_str(payload)?;
    let content = known
        .saved
        .get(&ack.version)
        .with_context(|| format!("a save that nobody made: {payload}"))?;
    let target = known.project.join(&ack.path);
    Ok(save_steps(trace, &target, content))
}

fn save_steps(trace: &Trace, target: &Path, content: &[u8]) -> Steps {
    let writes = || {
        trace
            .named(&["write", "pwrite64", "writev"])
            .filter(|call| call.worked())
    };
    let temporary = writes()
        .find(|call| {
            let file = call.file().map(Path::new);
            file.is_some_and(|file| file != target && file.parent() == target.parent())
                && call.data() == content
        })
        .and_then(Call::file)
        .ok_or("no write to a temporary file in its folder")?;
    let written = writes()
        .filter(|call| call.file() == Some(temporary))
        .filter_map(|call| call.ended)
        .max()
        .unwrap_or_default();
    let synced = synced_after(trace, Path::new(temporary), written).ok_or("no sync of the file")?;
    let renamed = trace
        .named(&["rename", "renameat", "renameat2"])
        .find(|call| call.worked() && call.paths() == [Path::new(temporary), target])
        .filter(|call| call.began > synced)
        .and_then(|call| call.ended)
        .ok_or("no rename after the sync of the file")?;
    let folder = target.parent().unwrap_or(target);
    synced_after(trace, folder, renamed).ok_or("no sync of the folder after the rename")
}

/// Whether a file or folder that was made, moved or deleted was so durably before this answer.
fn changed_by(trace: &Trace, known: &Known, payload: &str, before: usize) -> Result<Steps> {
    const CHANGING: [&str; 12] = [
        "open",
        "openat",
        "openat2",
        "creat",
        "mkdir",
        "mkdirat",
        "rename",
        "renameat",
        "renameat2",
        "linkat",
        "unlink",
        "unlinkat",
    ];
    let change: Change = serde_json::from_str(payload)?;
    let mut done = Ok(0);
    for path in std::iter::once(change.path).chain(change.new_path) {
        let path = known.project.join(path);
        let changed = trace
            .named(&CHANGING)
            .filter(|call| call.worked() && call.paths().contains(&path))
            .filter(|call| {
                !call.name.starts_with("open")
                    || call.args.iter().any(|arg| arg.contains("O_CREAT"))
            })
            .filter_map(|call| call.ended)
            .take_while(|ended| *ended < before)
            .last();
        let folder = path.parent().unwrap_or(&path);
        let step = changed.ok_or("no change of it").and_then(|changed| {
            synced_after(trace, folder, changed).ok_or("no sync of its folder")
        });
        done = match (done, step) {
            (Ok(done), Ok(step)) => Ok(step.max(done)),
            (Err(missing), _) | (_, Err(missing)) => Err(missing),
        };
    }
    Ok(done)
}

/// The line in which the first sync of a file or folder ended that began after a line.
fn synced_after(trace: &Trace, file: &Path, line: usize) -> Option<usize> {
    trace
        .named(&["fsync", "fdatasync"])
        .filter(|call| {
            call.worked() && call.file().map(Path::new) == Some(file) && call.began > line
        })
        .filter_map(|call| call.ended)
        .min()
}

#[cfg(test)]
mod tests;
