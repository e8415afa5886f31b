//! `hook EVENT`: what Claude Code runs at its hooks. It reads the hook's JSON on stdin and answers at once.
//!
//! The read-only rule (`PreToolUse`) needs no sidecar and fails closed: whatever is wrong is a denial. All other
//! events are told to the live sidecar and fail open: whatever is wrong, Claude Code goes on as if there were no
//! hook. No configuration but the data directory is read, and no runtime is started, so that it takes
//! milliseconds.

mod judge;
mod live;
mod transcript;

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use paige_protocol::coach::hooks::{HookEvent, HookInput, HookOutput};

use crate::cli::Settings;
use crate::config;
use crate::data_dir::DataDir;
use crate::exit::tell;

/// How long the read-only rule may take. Claude Code waits longer, and would go on after that.
const JUDGE_LIMIT: Duration = Duration::from_secs(4);
/// How long everything else may take, so that the process is gone within 300 ms.
const TELL_LIMIT: Duration = Duration::from_millis(250);
/// How long the sidecar is told of a denial, which Claude Code has then read already.
const REPORT_LIMIT: Duration = Duration::from_millis(150);
/// The longest input. What Claude reads and writes in one call is shorter.
const LONGEST_INPUT: u64 = 32 * 1024 * 1024;

/// The exit code with which Claude Code takes a tool for denied.
const DENIED: u8 = 2;

/// Answers one hook. An event that is not known is none of ours. `limit_ms` is how long the sidecar is waited for,
/// when that is not as long as usual.
pub(crate) fn run(settings: Settings, event: &str, limit_ms: Option<u64>) -> ExitCode {
    let limit = |usual| limit_ms.map_or(usual, Duration::from_millis);
    match HookEvent::named(event) {
        Some(HookEvent::PreToolUse) => judged(settings, limit(REPORT_LIMIT)),
        Some(event) => told(settings, event, limit(TELL_LIMIT)),
        None => ExitCode::SUCCESS,
    }
}

/// The read-only rule: an answer in time, or a denial.
fn judged(settings: Settings, report_limit: Duration) -> ExitCode {
    let judge = move || {
        let data = config::data_dir(&settings).map_err(|failure| failure.message)?;
        judge::judge(&stdin()?, data)
    };
    let judged = match within(JUDGE_LIMIT, judge) {
        Some(Ok(judged)) => judged,
        Some(Err(wrong)) => return denied(&wrong),
        None => return denied("it did not come to an end in time"),
    };
    if answer(&judged.output).is_err() {
        return denied("its answer could not be written");
    }
    if let Some(report) = judged.report {
        // Nobody waits for what comes of it.
        let _ = within(report_limit, move || {
            live::ask(
                &report.data,
                HookEvent::PreToolUse,
                &report.input,
                report_limit,
            )
            .map(drop)
        });
    }
    ExitCode::SUCCESS
}

/// What Claude reads when the rule could not be asked.
fn denied(wrong: &str) -> ExitCode {
    let sentence = format!(
        "Paige's read-only rule could not be asked: {}. Nothing is run without it; try once more, and if it fails \
         again, tell the developer to run `paige-sidecar doctor`.",
        wrong.trim_end().trim_end_matches('.')
    );
    // A stderr that nobody reads must not keep the denial back.
    within(REPORT_LIMIT, move || tell(&sentence));
    ExitCode::from(DENIED)
}

/// Tells the live sidecar, and hands its answer on. Without one nothing is said but at the start.
fn told(settings: Settings, event: HookEvent, limit: Duration) -> ExitCode {
    let ask = move || {
        let data = config::data_dir(&settings).ok()?;
        let input = serde_json::from_slice(&stdin().ok()?).ok()?;
        live::ask(&data, event, &trimmed(event, input), limit).ok()
    };
    let output = within(limit, ask).flatten().unwrap_or_else(|| {
        if event == HookEvent::SessionStart {
            HookOutput::context(event, NO_SIDECAR)
        } else {
            HookOutput::default()
        }
    });
    let written = match (event, &output.hook_specific_output) {
        // Claude Code adds what stands there as it is to its instructions for shortening.
        (HookEvent::PreCompact, Some(said)) => said
            .additional_context
            .as_deref()
            .map_or(Ok(()), write_line),
        _ if output == HookOutput::default() => Ok(()),
        _ => answer(&output),
    };
    // Nobody reads it: that is no failure of ours.
    let _ = written;
    ExitCode::SUCCESS
}

/// What Claude is told at its start when no sidecar answers.
const NO_SIDECAR: &str = "Paige's sidecar does not run or does not answer, so that no session is kept, nothing can be \
    shown in the editor and Paige's tools fail; stay read-only and coach in words, and tell the developer once that \
    `paige-sidecar --project-dir .` starts it.";

/// What the sidecar needs of an input: texts of files stay here.
fn trimmed(event: HookEvent, mut input: HookInput) -> HookInput {
    input.paige.project_dir = project_dir();
    input.paige.denied = None;
    let transcript = input.transcript_path.take();
    let transcript = transcript.as_deref().map(std::path::Path::new);
    match event {
        HookEvent::SessionEnd => {
            input.paige.transcript = transcript.and_then(transcript::told);
        }
        HookEvent::Stop if input.last_assistant_message.is_none() => {
            input.last_assistant_message = transcript.and_then(transcript::last_answer);
        }
        HookEvent::PostToolUse | HookEvent::PostToolUseFailure
            if input.tool_name.as_deref() != Some("Bash") =>
        {
            input.tool_input = input.tool_input.as_ref().map(judge::subject);
            input.tool_response = None;
            input.error = None;
        }
        _ => {}
    }
    input
}

/// The folder in which Claude Code was started, as it says.
fn project_dir() -> Option<String> {
    std::env::var("CLAUDE_PROJECT_DIR")
        .ok()
        .filter(|folder| !folder.is_empty())
}

/// The whole of stdin.
fn stdin() -> Result<Vec<u8>, String> {
    let mut input = Vec::new();
    let read = std::io::stdin()
        .lock()
        .take(LONGEST_INPUT + 1)
        .read_to_end(&mut input);
    match read {
        Ok(_) if input.len() as u64 > LONGEST_INPUT => {
            Err(format!("its input is longer than {LONGEST_INPUT} bytes"))
        }
        Ok(_) => Ok(input),
        Err(error) => Err(format!("its input could not be read: {error}")),
    }
}

fn answer(output: &HookOutput) -> std::io::Result<()> {
    write_line(&serde_json::to_string(output)?)
}

fn write_line(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// What `work` gives, unless it takes longer, panics or cannot begin. It is left behind then: the process ends soon.
fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = mpsc::sync_channel(1);
    let started = thread::Builder::new().spawn(move || {
        // Nobody listens any more when it took too long.
        let _ = done.send(work());
    });
    started.ok()?;
    result.recv_timeout(limit).ok()
}

/// Whether a path that came from outside says where it is from the root on.
fn is_absolute(path: &OsStr) -> bool {
    std::path::Path::new(path).is_absolute()
}

/// What is reported of a denial.
struct Report {
    data: DataDir,
    input: HookInput,
}
