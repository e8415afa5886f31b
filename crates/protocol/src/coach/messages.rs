//! Every message of the wire: one tagged enum for each direction.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

use super::{
    coaching,
    connection::{self, Empty},
    dashboard, editor, files, hints, practice, session,
};
use crate::envelope::{Malformed, RequestId, read_payload, write_frame, write_json};

/// The payload of a message that is known and ignored: whatever it holds is right.
pub type Ignored = Empty;

/// Declares the messages of one direction: the enum, its kinds, and reading and writing by kind.
macro_rules! messages {
    ($(#[doc = $doc:literal])* $name:ident {
        $(#[doc = $line:literal] $variant:ident($payload:ty) = $kind:literal,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
        #[serde(tag = "type", content = "payload")]
        #[allow(clippy::large_enum_variant, reason = "messages are read once and taken apart at once")]
        pub enum $name {
            $(#[doc = $line] #[serde(rename = $kind)] $variant($payload),)*
        }

        impl $name {
            /// Every type of this direction, in the order of the catalogue.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// The message's type as it stands on the wire.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                }
            }

            /// Reads the payload of a message of this type; `None` when there is no such type.
            ///
            /// # Errors
            /// Names the first field that is missing or ill-typed.
            pub fn read(kind: &str, payload: &str) -> Option<Result<Self, Malformed>> {
                match kind {
                    $($kind => Some(read_payload(payload).map(Self::$variant)),)*
                    _ => None,
                }
            }

            /// Appends the payload as JSON.
            pub fn write_payload(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(payload) => write_json(out, payload),)*
                }
            }

            /// The payload as JSON text.
            pub fn payload_json(&self) -> String {
                let mut out = Vec::new();
                self.write_payload(&mut out);
                String::from_utf8(out).unwrap_or_default()
            }
        }
    };
}

messages! {
    /// What a client sends.
    ClientMessage {
        /// The first message of a client.
        Hello(connection::Hello) = "connection:hello",
        /// Asks for `fs:tree`.
        FsRequestTree(Empty) = "fs:request_tree",
        /// Opens a file; answered by `fs:content`.
        FileOpen(files::FilePath) = "file:open",
        /// Closes a file; its buffer is dropped when it has no unsaved edits.
        FileClose(files::FilePath) = "file:close",
        /// Moves a file or folder to the trash; answered by `fs:tree_update`.
        FileDelete(files::FilePath) = "file:delete",
        /// Makes an empty file or a folder; answered by `fs:tree_update`.
        FileCreate(files::FileCreate) = "file:create",
        /// Renames or moves a file or folder; answered by `fs:tree_update`.
        FileRename(files::FileRename) = "file:rename",
        /// Saves a file; answered by `fs:save_ack` or `fs:save_error`.
        FileSave(files::FileSave) = "file:save",
        /// The unsaved text of an editor; not answered.
        BufferUpdate(files::BufferUpdate) = "buffer:update",
        /// The user looks at another tab.
        TabSwitch(editor::TabSwitch) = "editor:tab_switch",
        /// The user has selected some text.
        Selection(editor::Selection) = "editor:selection",
        /// Known and ignored.
        Scroll(Ignored) = "editor:scroll",
        /// Known and ignored.
        ExpandDir(Ignored) = "explorer:expand_dir",
        /// Known and ignored.
        CollapseDir(Ignored) = "explorer:collapse_dir",
        /// The learner wants another hint level; answered by `hints:level`.
        LevelChange(hints::LevelChange) = "hints:level_change",
        /// The learner has read a hover text.
        HintViewed(hints::Viewed) = "hints:viewed",
        /// The user does nothing.
        IdleStart(coaching::IdleStart) = "user:idle_start",
        /// The user is back.
        IdleEnd(coaching::IdleEnd) = "user:idle_end",
        /// Explain This.
        Explain(coaching::Explain) = "user:explain",
        /// A command has run in the shell's terminal.
        CommandRun(coaching::CommandRun) = "user:run",
        /// A request is no longer wanted.
        Cancel(coaching::Cancel) = "user:cancel",
        /// The Observer is to be quiet, or not.
        ObserverMute(coaching::ObserverMute) = "observer:mute",
        /// Whether a message helped.
        CoachingFeedback(coaching::CoachingFeedback) = "coaching:feedback",
        /// The learner corrects a stage.
        StageCorrect(coaching::StageCorrect) = "stage:correct",
        /// Starts a coaching session; answered by `session:started`.
        SessionStart(session::SessionStart) = "session:start",
        /// Ends the coaching session; answered by `session:completed`.
        SessionEnd(Empty) = "session:end",
        /// Asks what was done in a session.
        SessionSummary(session::SummaryRequest) = "session:summary",
        /// Has a solution reviewed.
        SubmitSolution(practice::SubmitSolution) = "practice:submit_solution",
        /// Runs a solution against its tests.
        RunSolution(practice::RunSolution) = "practice:run",
        /// Asks for a hint on a kata.
        RequestHint(practice::KataRef) = "practice:request_hint",
        /// Asks for the attempts at a kata.
        ViewPreviousAttempts(practice::KataRef) = "practice:view_previous_attempts",
        /// Asks for a kata.
        ChallengeLoad(practice::KataRef) = "challenge:load",
        /// Asks for the dashboard.
        DashboardRequest(dashboard::DashboardRequest) = "dashboard:request",
        /// Rates the issues anew.
        RefreshIssues(Empty) = "dashboard:refresh_issues",
        /// Asks for the learning materials.
        MaterialsList(Empty) = "materials:list",
        /// A material was opened.
        MaterialView(practice::MaterialRef) = "materials:view",
        /// A material is not wanted.
        MaterialDismiss(practice::MaterialRef) = "materials:dismiss",
        /// Answers a material's question.
        MaterialComplete(practice::MaterialComplete) = "materials:complete",
    }
}

messages! {
    /// What the sidecar sends: answers, pushes (they have a `seq`) and passing news.
    ServerMessage {
        /// Answer to `connection:hello`.
        Init(connection::Init) = "connection:init",
        /// A message could not be handled.
        ConnectionError(connection::ConnectionError) = "connection:error",
        /// The cursor cannot be resumed; a snapshot follows.
        ResyncRequired(connection::ResyncRequired) = "connection:resync_required",
        /// Push. A coaching session has started.
        SessionStarted(session::SessionStarted) = "session:started",
        /// Push. A coaching session has ended.
        SessionCompleted(session::SessionCompleted) = "session:completed",
        /// Answer. Everything that a client shows of an active session.
        SessionRestore(session::SessionRestore) = "session:restore",
        /// Answer. What was done in a session.
        SessionSummary(session::SessionSummary) = "session:summary",
        /// Passing. The project's files.
        FsTree(files::FsTree) = "fs:tree",
        /// Passing. One change of the project's files.
        FsTreeUpdate(files::FsTreeUpdate) = "fs:tree_update",
        /// Answer. The text of a file.
        FsContent(files::FsContent) = "fs:content",
        /// Push. A file was saved.
        FsSaveAck(files::FsSaveAck) = "fs:save_ack",
        /// Answer. A file was not saved.
        FsSaveError(files::FsSaveError) = "fs:save_error",
        /// Passing. Another window's edit, or the disk's new text of a clean buffer.
        BufferUpdated(files::BufferUpdated) = "buffer:update",
        /// Push. Claude shows a file.
        OpenFile(editor::OpenFile) = "editor:open_file",
        /// Push. Lines to show, beside those that are shown already.
        HighlightLines(editor::HighlightLines) = "editor:highlight_lines",
        /// Push. The highlights that Claude set are gone.
        ClearHighlights(editor::ClearHighlights) = "editor:clear_highlights",
        /// Push. Files to mark in the file list.
        HintFiles(editor::HintFiles) = "explorer:hint_files",
        /// Push. The marks that Claude set in the file list are gone.
        ClearHints(Empty) = "explorer:clear_hints",
        /// Push. The hint level in force.
        HintLevel(hints::Level) = "hints:level",
        /// Push. A plan was made.
        PlanReady(coaching::PlanReady) = "coaching:plan_ready",
        /// Push. A phase has changed.
        PhaseUpdate(coaching::PhaseUpdate) = "coaching:phase_update",
        /// Push. Something to tell the learner.
        CoachingMessage(coaching::CoachingMessage) = "coaching:message",
        /// Push. The issue that is worked on.
        IssueContext(coaching::IssueContext) = "coaching:issue_context",
        /// Passing. A long request is under way.
        CoachingProgress(coaching::CoachingProgress) = "coaching:progress",
        /// Push. Whether the Observer follows, and whether it is quiet.
        ObserverStatus(coaching::ObserverStatus) = "observer:status",
        /// Push. Something to be typed into the terminal.
        Nudge(coaching::Nudge) = "observer:nudge",
        /// Answer. An explanation.
        ExplainResponse(coaching::ExplainResponse) = "explain:response",
        /// Passing. The next piece of an explanation.
        ExplainDelta(coaching::ExplainDelta) = "explain:delta",
        /// Answer. There is no explanation.
        ExplainError(coaching::ExplainError) = "explain:error",
        /// Push. The review of a solution.
        SolutionReview(practice::SolutionReview) = "practice:solution_review",
        /// Answer. A hint on a kata.
        PracticeHint(practice::PracticeHint) = "practice:hint",
        /// Answer. The attempts at a kata.
        PreviousAttempts(practice::PreviousAttempts) = "practice:previous_attempts",
        /// Answer. How the tests of a kata went.
        RunResult(practice::RunResult) = "practice:run_result",
        /// Answer. There is no review.
        ReviewError(practice::ReviewError) = "review:error",
        /// Answer. A kata.
        ChallengeLoaded(practice::ChallengeLoaded) = "challenge:loaded",
        /// Answer. There is no such kata.
        ChallengeLoadError(practice::ChallengeLoadError) = "challenge:load_error",
        /// Answer. What is known at once.
        DashboardState(dashboard::DashboardState) = "dashboard:state",
        /// Answer. Rated issues.
        DashboardIssues(dashboard::DashboardIssues) = "dashboard:issues",
        /// Answer. There are no issues to show.
        DashboardIssuesError(dashboard::DashboardError) = "dashboard:issues_error",
        /// Answer. Katas to practise.
        DashboardChallenges(dashboard::DashboardChallenges) = "dashboard:challenges",
        /// Answer. There are no katas to show.
        DashboardChallengesError(dashboard::DashboardError) = "dashboard:challenges_error",
        /// Answer. Learning materials.
        DashboardMaterials(dashboard::DashboardMaterials) = "dashboard:learning_materials",
        /// Answer. There are no materials to show.
        DashboardMaterialsError(dashboard::DashboardError) = "dashboard:learning_materials_error",
        /// Answer. The learning materials.
        MaterialListResult(practice::MaterialList) = "materials:list_result",
        /// Answer. Whether the answer was right.
        MaterialCompleteResult(practice::MaterialCompleteResult) = "materials:complete_result",
        /// Push. A material has changed.
        MaterialUpdated(practice::MaterialUpdated) = "materials:updated",
        /// Push. Most of a budget is spent.
        BudgetWarning(coaching::BudgetWarning) = "budget:warning",
    }
}

impl ServerMessage {
    /// The whole frame as JSON text.
    pub fn frame(&self, id: Option<&RequestId>, seq: Option<u64>, timestamp: &str) -> String {
        write_frame(self.kind(), self.size(), id, seq, timestamp, |out| {
            self.write_payload(out);
        })
    }

    /// About how many bytes the payload takes as JSON: right for those that carry a file.
    fn size(&self) -> usize {
        // Line ends and quotes take two bytes; one in eight is what source code has.
        let text = |content: &str| content.len() + content.len() / 8;
        match self {
            Self::FsContent(file) => text(&file.content),
            Self::OpenFile(file) => text(&file.content),
            Self::BufferUpdated(update) => text(&update.content),
            _ => 0,
        }
    }
}

/// A whole frame of a client.
pub type ClientFrame = crate::envelope::ClientEnvelope<ClientMessage>;
/// A whole frame of the sidecar.
pub type ServerFrame = crate::envelope::ServerEnvelope<ServerMessage>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_by_hand_and_by_serde_agree() {
        let message = ServerMessage::HintLevel(hints::Level {
            level: hints::HintLevel::Medium,
            source: hints::LevelSource::User,
        });
        let by_hand = message.frame(
            Some(&RequestId::Number(4)),
            Some(9),
            "2026-01-02T03:04:05.678Z",
        );
        let by_serde = ServerFrame {
            message,
            id: Some(RequestId::Number(4)),
            seq: Some(9),
            replay: None,
            timestamp: "2026-01-02T03:04:05.678Z".into(),
        };
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&by_hand).expect("JSON"),
            serde_json::to_value(&by_serde).expect("JSON"),
        );
        assert_eq!(
            serde_json::from_str::<ServerFrame>(&by_hand).expect("a frame"),
            by_serde
        );
        let again = crate::envelope::write_replayed_frame(
            by_serde.message.kind(),
            &by_serde.message.payload_json(),
            &by_serde.timestamp,
        );
        assert_eq!(
            serde_json::from_str::<ServerFrame>(&again).expect("a frame"),
            ServerFrame {
                id: None,
                seq: None,
                replay: Some(true),
                ..by_serde
            }
        );
    }

    #[test]
    fn kinds_are_unique() {
        for kinds in [ClientMessage::KINDS, ServerMessage::KINDS] {
            let mut sorted = kinds.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), kinds.len());
        }
    }

    #[test]
    fn a_save_tells_null_from_absent() {
        let read = |payload| match ClientMessage::read("file:save", payload) {
            Some(Ok(ClientMessage::FileSave(save))) => save.base_version,
            other => panic!("{other:?}"),
        };
        assert_eq!(read(r#"{"path":"a","content":""}"#), None);
        assert_eq!(
            read(r#"{"path":"a","content":"","baseVersion":null}"#),
            Some(None)
        );
        assert_eq!(
            read(r#"{"path":"a","content":"","baseVersion":"v"}"#),
            Some(Some(crate::Version::from("v".to_owned())))
        );
    }
}
