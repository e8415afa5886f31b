//! The tools, one by one. What the model is told stands here; what is done stands in the coach.

use paige_coach::{Coach, StartSession, StartedBy};
use paige_protocol::coach::session::SessionCompleted;
use paige_protocol::coach::tools::{
    ActiveSessionResult, ClearHighlightsArgs, DiffSince, Done, EndSessionArgs, EndSessionResult,
    FileDiff, GetBufferArgs, GetBufferResult, GetDiffArgs, GetDiffResult, GetSessionStateArgs,
    HighlightLinesArgs, HintFilesArgs, NoArgs, OpenFileArgs, OpenFileResult, OpenFilesResult,
    RecordReviewArgs, RecordReviewResult, RetryWrapUpArgs, RunPipelineArgs, RunPipelineResult,
    SessionState, ShowIssueContextArgs, ShowMessageArgs, StartSessionArgs, StartSessionResult,
    UpdatePhaseArgs, UpdatePhaseResult,
};

use super::{
    Effect::{Adds, Reads, Settles},
    Told, Tool,
};

impl Told for ActiveSessionResult {}
impl Told for Done {}
impl Told for EndSessionResult {}
impl Told for GetDiffResult {
    fn long_texts(&self) -> usize {
        diffs(&self.diffs)
    }
}
impl Told for OpenFileResult {}
impl Told for OpenFilesResult {}
impl Told for SessionState {
    fn long_texts(&self) -> usize {
        let buffers = self.buffers.iter().flatten();
        buffers.map(Told::long_texts).sum::<usize>() + self.diffs.as_deref().map_or(0, diffs)
    }
}
impl Told for StartSessionResult {}
impl Told for UpdatePhaseResult {}
impl Told for RecordReviewResult {}
impl Told for RunPipelineResult {}
impl Told for GetBufferResult {
    /// Decisions, "`paige_get_buffer` without a buffer".
    fn is_null(&self) -> bool {
        self.content.is_none()
    }

    fn long_texts(&self) -> usize {
        self.content.as_ref().map_or(0, String::len)
    }
}

fn diffs(diffs: &[FileDiff]) -> usize {
    diffs.iter().map(|diff| diff.diff.len()).sum()
}

const DONE: Done = Done {
    success: true,
    note: None,
};

/// Every tool, in the order in which clients list them.
pub(super) fn all() -> impl Iterator<Item = Tool> {
    let all = session().into_iter().chain(reads());
    all.chain(plan()).chain(shows())
}

/// Tools that ask models.
pub(super) const LONG: [&str; 3] = [
    "paige_end_session",
    "paige_run_coaching_pipeline",
    "paige_retry_wrap_up",
];

fn ended(ended: SessionCompleted) -> EndSessionResult {
    EndSessionResult {
        success: true,
        session_id: ended.session_id,
        status: ended.status,
        memories_added: ended.memories_added,
        gaps_identified: ended.gaps_identified,
        katas_generated: ended.katas_generated,
        assessments_updated: ended.assessments_updated,
        errors: ended.summary.errors,
    }
}

fn session() -> [Tool; 4] {
    [
        Tool::new(
            "paige_start_session",
            "Start a coaching session",
            "Starts a coaching session for the project that this sidecar serves; most other tools need one. Ask \
             `paige_get_active_session` first: a hook or the desktop app may have started one, and only one can be \
             active. With `force` the active session is ended as abandoned, and its highlights and hints end with it; \
             use that only when the user wants to start over.",
            Adds,
            |coach: Coach, args: StartSessionArgs| async move {
                coach.check_project(&args.project_dir)?;
                let started = coach
                    .start_session(StartSession {
                        issue_number: args.issue_number,
                        issue_title: args.issue_title,
                        started_by: StartedBy::Mcp,
                        force: args.force.unwrap_or(false),
                    })
                    .await?;
                Ok(StartSessionResult {
                    success: true,
                    session: started.session,
                })
            },
        ),
        Tool::new(
            "paige_end_session",
            "End the coaching session",
            "Ends the active coaching session and wraps it up: models look for knowledge gaps and make katas, assess \
             the user's stages, and write down what to remember. That takes a while; cancelled, it goes on by itself. \
             Call it when the user is done, not between tasks. Give what was said in `session_transcript` if you \
             have it. Highlights, file hints and the list of open files end with the session; unsaved edits stay in \
             the editor.",
            Adds,
            |coach: Coach, args: EndSessionArgs| async move {
                Ok(ended(coach.end_session(args.session_transcript).await?))
            },
        ),
        Tool::new(
            "paige_retry_wrap_up",
            "Wrap a session up again",
            "Tries those steps of a wrap-up again that have failed, or that were not tried because Paige ran offline: \
             of the session that ended last or of the one that is named, all of them or the one named in `agent`. \
             What is done already is not done twice.",
            Adds,
            |coach: Coach, args: RetryWrapUpArgs| async move {
                Ok(ended(
                    coach.retry_wrap_up(args.session_id, args.agent).await?,
                ))
            },
        ),
        Tool::new(
            "paige_get_active_session",
            "Get the active session",
            "Tells which coaching session is active, and on which issue it works; `session` is null when there is \
             none. It never fails for want of a session, so call it first.",
            Reads,
            |coach: Coach, NoArgs {}| async move {
                Ok(ActiveSessionResult {
                    session: coach.active_session(),
                })
            },
        ),
    ]
}

fn reads() -> [Tool; 4] {
    [
        Tool::new(
            "paige_get_buffer",
            "Read an editor buffer",
            "Reads what the user sees in the editor for one file, unsaved edits included, with the cursor (line and \
             column count from 1). Use it instead of reading the file when you talk about what the user is writing. \
             When the file has no buffer the text is `null`: what is on disk is then what the user has.",
            Reads,
            |coach: Coach, args: GetBufferArgs| async move { coach.get_buffer(&args.path) },
        ),
        Tool::new(
            "paige_get_open_files",
            "List the open files",
            "Lists the files that are open in the editor, opened by the user or by you, in the order in which they \
             were opened. `paths` and `files` are the same list.",
            Reads,
            |coach: Coach, NoArgs {}| async move {
                let paths = coach.get_open_files()?;
                Ok(OpenFilesResult {
                    files: paths.clone(),
                    paths,
                })
            },
        ),
        Tool::new(
            "paige_get_diff",
            "Diff what the user has changed",
            "Shows as unified diffs what the user has changed, in one file or, when `path` is left out, in all. \
             `since` says since when: `disk` (the default) compares unsaved text with what is saved, `phase` and \
             `session` compare the present text with what it was before the active phase or the session touched it, \
             also when it was saved meanwhile. A file that does not differ has no entry.",
            Reads,
            |coach: Coach, args: GetDiffArgs| async move {
                let since = args.since.unwrap_or(DiffSince::Disk);
                Ok(GetDiffResult {
                    diffs: coach.get_diff(args.path.as_deref(), since).await?,
                })
            },
        ),
        Tool::new(
            "paige_get_session_state",
            "Get the state of the session",
            "Tells where the coaching session stands. Name in `include` the items that you need: session, plan, \
             phase, dreyfus (where the learner stands), progress, hints, gaps, katas, actions (the last 20 things \
             that happened), buffers, diffs, open_files. Without `include` all of them come, which is long.",
            Reads,
            |coach: Coach, args: GetSessionStateArgs| async move {
                coach.session_state(args.include.as_deref()).await
            },
        ),
    ]
}

fn plan() -> [Tool; 3] {
    [
        Tool::new(
            "paige_run_coaching_pipeline",
            "Make a coaching plan",
            "Makes a coaching plan in phases of your plan for the issue, fitted to where the user stands and to what \
             is remembered of earlier sessions. Explore the code and plan the change first; give that as `plan_text`, \
             and what the issue asks for as `issue_summary`. It takes a while, asks models and costs a few cents. The \
             plan replaces the session's present one; its phases are pending until `paige_update_phase` begins one. \
             Teach from it: `plan_text` is what you know, the phases are what the user finds out.",
            Adds,
            |coach: Coach, args: RunPipelineArgs| async move { coach.run_pipeline(args).await },
        ),
        Tool::new(
            "paige_update_phase",
            "Begin or complete a phase",
            "Takes a phase of the plan one step forward: `active` when the user begins it, `complete` when they have \
             done it. One phase is active at a time, and none goes back. With a phase its hints come and go in the \
             editor, as far as the user's hint level allows.",
            Settles,
            |coach: Coach, args: UpdatePhaseArgs| async move {
                Ok(UpdatePhaseResult {
                    success: true,
                    phase: coach.update_phase(args.phase, args.status).await?,
                })
            },
        ),
        Tool::new(
            "paige_record_review",
            "Record a review",
            "Records what your review of a phase's work came to: whether it was good enough, the verdict in a \
             sentence or two, and what you found. Name the `topic` of an issue in a few words, and the same each \
             time you meet it: what comes up again becomes practice. It changes no phase; use `paige_update_phase` \
             for that.",
            Adds,
            |coach: Coach, args: RecordReviewArgs| async move {
                let passed = args.passed;
                Ok(RecordReviewResult {
                    success: true,
                    passed,
                    phase: coach.record_review(args).await?,
                })
            },
        ),
    ]
}

fn shows() -> [Tool; 7] {
    [
        Tool::new(
            "paige_open_file",
            "Open a file in the editor",
            "Opens a file of the project in the user's editor and brings it to the front. Use it to lead the user \
             to the place that you talk about. The file is not changed.",
            Settles,
            |coach: Coach, args: OpenFileArgs| async move {
                let path = coach.open_by_claude(&args.path).await?;
                Ok(OpenFileResult {
                    success: true,
                    path: path.into(),
                })
            },
        ),
        Tool::new(
            "paige_highlight_lines",
            "Highlight lines",
            "Highlights lines of a file in the user's editor, beside those that are highlighted already. Lines count \
             from 1, and `end` is included. `hover_text` is shown when the mouse rests on them: a question or a \
             pointer of at most 60 words, not the solution. `rung` says how much help it is, from 1 (where to look) to \
             4 (the shape of a solution); start low. A text that shows more code than the learner's stage allows is \
             refused, and the refusal says what to write instead.",
            Adds,
            |coach: Coach, args: HighlightLinesArgs| async move {
                let note = coach.highlight_lines(args).await?;
                Ok(Done { note, ..DONE })
            },
        ),
        Tool::new(
            "paige_clear_highlights",
            "Clear highlights",
            "Takes away the lines that you highlighted, in one file or, when `path` is left out, in all. Highlights \
             of the plan's phase stay.",
            Settles,
            |coach: Coach, args: ClearHighlightsArgs| async move {
                coach.clear_highlights(args).await?;
                Ok(DONE)
            },
        ),
        Tool::new(
            "paige_hint_files",
            "Mark files to look at",
            "Marks files in the user's file list as worth a look. A file that does not exist yet may be marked, \
             when it is one to be made.",
            Adds,
            |coach: Coach, args: HintFilesArgs| async move {
                coach.hint_files(args).await?;
                Ok(DONE)
            },
        ),
        Tool::new(
            "paige_clear_hints",
            "Clear marked files",
            "Takes away the marks that you set in the user's file list. Those of the plan's phase stay.",
            Settles,
            |coach: Coach, NoArgs {}| async move {
                coach.clear_hints().await?;
                Ok(DONE)
            },
        ),
        Tool::new(
            "paige_show_message",
            "Show a coaching message",
            "Shows a message in the coaching panel of the desktop app. Keep it under 120 words and prefer a question \
             to an answer. `anchor` ties it to lines of a file (counted from 1, the last one included). `rung` says \
             how much help it is, from 1 (where to look) to 4 (the shape of a solution); start low. A message that shows \
             more code than the learner's stage allows is refused, and the refusal says what to write instead.",
            Adds,
            |coach: Coach, args: ShowMessageArgs| async move {
                let note = coach.show_message(args).await?;
                Ok(Done { note, ..DONE })
            },
        ),
        Tool::new(
            "paige_show_issue_context",
            "Show the issue",
            "Shows in the desktop app which issue the session works on, and makes it the session's issue. Summarise \
             in your own words what it asks for. Another issue than the session's is refused when the plan has \
             progress; end the session first, or use `force` when the user wants to switch all the same.",
            Settles,
            |coach: Coach, args: ShowIssueContextArgs| async move {
                coach.show_issue_context(args).await?;
                Ok(DONE)
            },
        ),
    ]
}
