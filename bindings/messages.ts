// Generated from the types of paige-protocol by `cargo xtask codegen`. Do not edit.
/**
 * What happened (`action_log`): `action_type` and `data`.
 *
 * Names and data are those of the coaching desk's catalogue; what happens without an active session
 * is kept too.
 */
export type Action =
/** A file was opened, by the human or by Claude. */
{ actionType: "file_open"; data: {
	/** The file. */
	path: string,
} } |
/** A file was saved. */
{ actionType: "file_save"; data: {
	/** The file. */
	path: string,
	/** Characters of its text. */
	charCount: number,
} } |
/** A file was closed. */
{ actionType: "file_close"; data: {
	/** The file. */
	path: string,
} } |
/** A file or folder was made. */
{ actionType: "file_create"; data: {
	/** Where. */
	path: string,
	/** What. */
	kind: EntryKind,
} } |
/** A file or folder was renamed or moved. */
{ actionType: "file_rename"; data: {
	/** The old path. */
	path: string,
	/** The new path. */
	newPath: string,
} } |
/** A file or folder was moved to the trash. */
{ actionType: "file_delete"; data: {
	/** Where it was. */
	path: string,
} } |
/** The human looks at another tab. */
{ actionType: "editor_tab_switch"; data: {
	/** The tab before. */
	fromPath: string | null,
	/** The tab now. */
	toPath: string,
} } |
/** The human selected some text; the text itself is not kept. */
{ actionType: "editor_selection"; data: {
	/** The file. */
	path: string,
	/** What. */
	range: TextRange,
	/** Characters of the selected text. */
	textLength: number,
} } |
/** A file has unsaved edits, told every 30 seconds. */
{ actionType: "buffer_summary"; data: {
	/** The file. */
	path: string,
	/** Characters now. */
	charCount: number,
	/** Always true. */
	dirty: boolean,
	/** Edits since the last entry. */
	editCount: number,
	/** Characters more, or less, since the last entry. */
	charDelta: number,
} } |
/** A file's text grew or shrank by more than half or by more than 500 characters. */
{ actionType: "buffer_significant_change"; data: {
	/** The file. */
	path: string,
	/** Characters at the last entry. */
	previousCharCount: number,
	/** Characters now. */
	newCharCount: number,
	/** Their difference. */
	charDelta: number,
	/** The difference in per cent of the former, null when that was 0. */
	percentDelta: number | null,
} } |
/** A plan was made. */
{ actionType: "coaching_pipeline_run"; data: {
	/** The plan. */
	planId: number,
} } |
/** Claude told the learner something. */
{ actionType: "coaching_message"; data: {
	/** The message. */
	messageId: string,
	/** Its text. */
	message: string,
	/** Its tone. */
	type: Tone,
	/** How much help it is. */
	rung: number | null,
	/** The lowest rung that it skipped: one that was not shown yet in the phase. */
	skippedRung?: number | null,
} } |
/** A phase became active. */
{ actionType: "phase_started"; data: {
	/** The phase. */
	phaseId: number,
	/** Its number in the plan. */
	phaseNumber: number,
	/** Its title. */
	title: string,
} } |
/** A phase was completed. */
{ actionType: "phase_completed"; data: {
	/** The phase. */
	phaseId: number,
	/** Its number in the plan. */
	phaseNumber: number,
	/** Its title. */
	title: string,
} } |
/** A hint of the active phase was shown, or its hover text read, for the first time. */
{ actionType: "hint_used"; data: {
	/** The hint. */
	hintId: number,
	/** The file it points at. */
	path: string,
	/** How much help it was: a file 1, lines 2, a hover text 3. */
	rung: number,
	/** The hint level at that moment. */
	hintLevel: HintLevel,
} } |
/** The hint level changed. */
{ actionType: "hints_level_change"; data: {
	/** The active phase. */
	phaseId: number | null,
	/** The level before. */
	from: HintLevel,
	/** The level now. */
	to: HintLevel,
	/** Who changed it. */
	source: LevelSource,
} } |
/** Claude highlighted lines. */
{ actionType: "decorations_applied"; data: {
	/** The file. */
	path: string,
	/** Lines highlighted. */
	lineCount: number,
	/** How much help they are, each rung once. */
	rungs?: number[],
	/** The lowest rung that they skipped: one that was not shown yet in the phase. */
	skippedRung?: number | null,
} } |
/** Claude's highlights were taken away. */
{ actionType: "decorations_cleared"; data: {
	/** The file, null for all. */
	path: string | null,
} } |
/** Claude marked files. */
{ actionType: "file_hints_applied"; data: {
	/** The files. */
	paths: string[],
	/** How. */
	style: FileHintStyle,
} } |
/** Claude's marks of files were taken away. */
{ actionType: "file_hints_cleared"; data: Record<string, never> } |
/** Claude showed the issue. */
{ actionType: "issue_context_shown"; data: {
	/** Its title. */
	title: string,
	/** Its number. */
	issueNumber: number | null,
} } |
/** The human does nothing. */
{ actionType: "user_idle_start"; data: {
	/** Milliseconds without an action. */
	durationMs: number,
} } |
/** The human is back. */
{ actionType: "user_idle_end"; data: {
	/** Milliseconds away. */
	idleDurationMs: number | null,
} } |
/** The human asked for an explanation. */
{ actionType: "user_explain_request"; data: {
	/** The file. */
	path: string,
	/** What of it. */
	range: TextRange,
} } |
/** An explanation was given, or failed. */
{ actionType: "explain_completed"; data: {
	/** The file. */
	path: string,
	/** The model. */
	model: string,
	/** Milliseconds, -1 when it failed. */
	latencyMs: number,
	/** Whether it was given. */
	success: boolean,
	/** Why not. */
	error: string | null,
} } |
/** A command has run. */
{ actionType: "command_run"; data: {
	/** The command line, secrets out. */
	command: string,
	/** What it was for. */
	kind: CommandKind,
	/** Its exit code. */
	exitCode: number,
	/** How long it ran. */
	durationMs: number,
	/** At most 20 normalised error lines. */
	errorLines: string[],
	/** Who told. */
	source: CommandSource,
} } |
/** Claude looked into a file or folder with a tool of its own. */
{ actionType: "claude_read"; data: {
	/** The tool: `Read`, `Grep` or `Glob`. */
	toolName: string,
	/** What it looked into, relative to the project where it lies in it, secrets out. */
	path: string,
} } |
/** A tool of Claude was kept from running by the read-only rule. */
{ actionType: "tool_denied"; data: {
	/** The tool. */
	toolName: string,
	/** `deny`, or `ask` when it was left to the human. */
	decision: ToolDecision,
	/** The rule that decided. */
	rule: string,
	/** The command line or the path, cut short and secrets out. */
	subject: string,
} } |
/** The human wrote to Claude; the text itself is not kept. */
{ actionType: "prompt_submitted"; data: {
	/** What the prompt asks for. */
	class: PromptClass,
} } |
/** An answer of Claude in the terminal showed more code than the learner's stage allows. */
{ actionType: "answer_too_large"; data: {
	/** Lines of its longest contiguous code. */
	lines: number,
	/** As many as it may have. */
	allowed: number,
	/** Claude was told to say it again; false when it had been told already. */
	blocked: boolean,
} } |
/** The Observer asked, and was answered. */
{ actionType: "observer_triage"; data: {
	/** What made it look. */
	trigger: Trigger,
	/** What the model decided. */
	shouldNudge: boolean,
	/** How sure it is. */
	confidence: number,
	/** What it noticed; none when it noticed nothing, or something that there is not. */
	signal: Signal | null,
	/** Why. */
	reasoning: string | null,
	/** Whether the pre-check, if it had been on, would have let the call be made. */
	precheck: boolean,
} } |
/** A nudge was sent. */
{ actionType: "nudge_sent"; data: {
	/** What was noticed. */
	signal: Signal,
	/** How sure. */
	confidence: number,
	/** How to help this time. */
	step: BreakerStep,
} } |
/** The Observer did not ask, or a nudge was kept back. */
{ actionType: "nudge_suppressed"; data: {
	/** What made it look. */
	trigger: Trigger,
	/** What was noticed. */
	signal?: Signal | null,
	/** How sure. */
	confidence?: number | null,
	/** Why it was kept back. */
	reason: SuppressionReason,
	/**
	 * How many looks this tells of: those of unsaved text that were kept back for the same reason
	 * within a minute are told together.
	 */
	times: number,
	/** What failed, when something did. */
	error?: string | null,
} } |
/** The Observer was muted, or not any more. */
{ actionType: "observer_muted"; data: {
	/** Which. */
	muted: boolean,
} } |
/** Claude called a tool. */
{ actionType: "mcp_tool_call"; data: {
	/** Links it to what the call changed. */
	callId: string,
	/** The tool. */
	toolName: string,
	/** Its arguments as JSON, long texts cut and secrets out. */
	args: string,
	/** `ok`, or the code of the error. */
	outcome: string,
	/** How long it took. */
	durationMs: number,
} } |
/** A solution was submitted. */
{ actionType: "practice_solution_submitted"; data: {
	/** The kata. */
	kataId: number,
	/** The constraints that were on. */
	constraintsActive: string[],
} } |
/** A solution was reviewed. */
{ actionType: "practice_solution_reviewed"; data: {
	/** The kata. */
	kataId: number,
	/** 1 to 10. */
	level: number,
	/** Whether it is solved. */
	passed: boolean,
} } |
/** A review was asked for. */
{ actionType: "review_requested"; data: {
	/** The phase. */
	phaseId: number | null,
} } |
/** A review was passed. */
{ actionType: "review_passed"; data: {
	/** The phase. */
	phaseId: number,
	/** The verdict. */
	feedback: string,
	/** What was noticed all the same. */
	issues: ReviewIssue[],
} } |
/** A review was not passed. */
{ actionType: "review_failed"; data: {
	/** The phase. */
	phaseId: number,
	/** The verdict. */
	feedback: string,
	/** What is to be mended. */
	issues: ReviewIssue[],
} } |
/** The dashboard was loaded. */
{ actionType: "dashboard_loaded"; data: {
	/** The parts that came. */
	flowsCompleted: string[],
} } |
/** A session started. */
{ actionType: "session_started"; data: {
	/** Its issue. */
	issueNumber: number | null,
	/** The issue's title. */
	issueTitle: string | null,
	/** `hook`, `mcp` or `ui`. */
	startedBy: string,
} } |
/** A session was taken up again. */
{ actionType: "session_resumed"; data: {
	/** The session. */
	previousSessionId: number,
} } |
/** A session ended. */
{ actionType: "session_ended"; data: {
	/** How. */
	status: SessionStatus,
	/** How long it was. */
	durationMs: number,
	/** Entries of its timeline. */
	actions: number,
	/** Calls to a model. */
	apiCalls: number,
} } |
/** A step of a wrap-up failed. */
{ actionType: "wrap_up_error"; data: {
	/** The step. */
	agent: string,
	/** Why. */
	error: string,
} } |
/** A learning material was found. */
{ actionType: "learning_material_generated"; data: {
	/** The material. */
	materialId: number,
	/** `youtube` or `article`. */
	type: string,
	/** Where it is. */
	url: string,
} } |
/** A learning material was viewed. */
{ actionType: "learning_material_viewed"; data: {
	/** The material. */
	materialId: number,
	/** Where it is. */
	url: string,
} } |
/** A learning material was completed. */
{ actionType: "learning_material_completed"; data: {
	/** The material. */
	materialId: number,
} } |
/** A learning material was dismissed. */
{ actionType: "learning_material_dismissed"; data: {
	/** The material. */
	materialId: number,
} } |
/** An answer to a material's question was checked. */
{ actionType: "learning_material_answer_checked"; data: {
	/** The material. */
	materialId: number,
	/** Whether it was right. */
	correct: boolean,
} };

/** A place that a message is about. */
export type Anchor = {
	/** The file. */
	path: string,
} & TextRange;

/** An attempt at a kata. */
export type Attempt = {
	/** The learner's code. */
	code: string,
	/** Its review. */
	review: string,
	/** 1 to 10. */
	level: number,
	/** Whether it was solved. */
	passed: boolean,
	/** The constraints that were on. */
	constraints: string[],
	/** When, ISO 8601 UTC. */
	submittedAt: string,
};

/** How to help, the more direct the more often the same was noticed in a phase: the circuit breaker. */
export type BreakerStep =
/** The first nudge of a kind: a question. */
"ask" |
/** The second: the same in another picture. */
"reframe" |
/** The third: the next step of the phase in smaller steps. */
"decompose" |
/** The fourth: a kata, or a look at related code; the phase stays active. */
"lateral" |
/** From the fifth on: a sketch with holes is allowed, and the gap is on record. */
"rung4";

/** `budget:warning`. */
export type BudgetWarning = {
	/** Which budget: `session` or `day`. */
	scope: string,
	/** US dollars spent. */
	spent: number,
	/** US dollars allowed. */
	limit: number,
};

/** `buffer:update` of a client: the unsaved text of an editor. */
export type BufferUpdate = {
	/** Relative to the project, `/`-separated. */
	path: string,
	/** The whole text. */
	content: string,
	/** Where the cursor stands. */
	cursorPosition: CursorPosition,
	/** What is selected. */
	selections?: TextRange[] | null,
};

/** `buffer:update` to a client: another window's edit, or the disk's new text of a clean buffer. */
export type BufferUpdated = {
	/** Relative to the project, `/`-separated. */
	path: string,
	/** The whole text. */
	content: string,
	/** Where the other window's cursor stands. */
	cursorPosition: CursorPosition,
	/** The other window; `null` when the text came from the disk. */
	clientId: string | null,
	/** The version on disk, when the text came from there. */
	version?: Version | null,
};

/** `user:cancel`. */
export type Cancel = {
	/** The `id` of the request that is no longer wanted. */
	requestId: RequestId,
};

/** What works at the moment, because its key, tool or server is there. */
export type Capabilities = {
	/** Calls to a model. */
	ai: boolean,
	/** Semantic recall across sessions. */
	memory: boolean,
	/** Issues through `gh`. */
	github: boolean,
};

/** A kata to practise. */
export type Challenge = {
	/** The kata. */
	kataId: number,
	/** Its title. */
	title: string,
	/** The task. */
	description: string,
	/** Attempts so far. */
	attempts: number,
	/** The best level so far, 0 when there was no attempt. */
	maxLevel: number,
	/** The topic of the gap it came from. */
	gap: string,
};

/** `challenge:load_error`. */
export type ChallengeLoadError = {
	/** For people. */
	error: string,
};

/** `challenge:loaded`. */
export type ChallengeLoaded = {
	/** The kata. */
	kataId: number,
	/** Its title. */
	title: string,
	/** The task. */
	description: string,
	/** The code to start from. */
	scaffoldingCode: string,
	/** The constraints, also those that are still locked. */
	constraints: Constraint[],
};

/** `editor:clear_highlights`: the highlights of one file, or all, are gone. */
export type ClearHighlights = {
	/** The file; every file when it is left out. */
	path?: string | null,
};

/** What stands around every message of a client. */
export type ClientEnvelope<M> = {
	/** Comes back on direct answers. */
	id?: RequestId | null,
	/** When it was sent, ISO 8601 UTC. */
	timestamp?: string | null,
} & M;

/** What a client sends. */
export type ClientMessage =
/** The first message of a client. */
{ type: "connection:hello"; payload: Hello } |
/** Asks for `fs:tree`. */
{ type: "fs:request_tree"; payload: Empty } |
/** Opens a file; answered by `fs:content`. */
{ type: "file:open"; payload: FilePath } |
/** Closes a file; its buffer is dropped when it has no unsaved edits. */
{ type: "file:close"; payload: FilePath } |
/** Moves a file or folder to the trash; answered by `fs:tree_update`. */
{ type: "file:delete"; payload: FilePath } |
/** Makes an empty file or a folder; answered by `fs:tree_update`. */
{ type: "file:create"; payload: FileCreate } |
/** Renames or moves a file or folder; answered by `fs:tree_update`. */
{ type: "file:rename"; payload: FileRename } |
/** Saves a file; answered by `fs:save_ack` or `fs:save_error`. */
{ type: "file:save"; payload: FileSave } |
/** The unsaved text of an editor; not answered. */
{ type: "buffer:update"; payload: BufferUpdate } |
/** The user looks at another tab. */
{ type: "editor:tab_switch"; payload: TabSwitch } |
/** The user has selected some text. */
{ type: "editor:selection"; payload: Selection } |
/** Known and ignored. */
{ type: "editor:scroll"; payload: Empty } |
/** Known and ignored. */
{ type: "explorer:expand_dir"; payload: Empty } |
/** Known and ignored. */
{ type: "explorer:collapse_dir"; payload: Empty } |
/** The learner wants another hint level; answered by `hints:level`. */
{ type: "hints:level_change"; payload: LevelChange } |
/** The learner has read a hover text. */
{ type: "hints:viewed"; payload: Viewed } |
/** The user does nothing. */
{ type: "user:idle_start"; payload: IdleStart } |
/** The user is back. */
{ type: "user:idle_end"; payload: IdleEnd } |
/** Explain This. */
{ type: "user:explain"; payload: Explain } |
/** A command has run in the shell's terminal. */
{ type: "user:run"; payload: CommandRun } |
/** A request is no longer wanted. */
{ type: "user:cancel"; payload: Cancel } |
/** The Observer is to be quiet, or not. */
{ type: "observer:mute"; payload: ObserverMute } |
/** Whether a message helped. */
{ type: "coaching:feedback"; payload: CoachingFeedback } |
/** The learner corrects a stage. */
{ type: "stage:correct"; payload: StageCorrect } |
/** Starts a coaching session; answered by `session:started`. */
{ type: "session:start"; payload: SessionStart } |
/** Ends the coaching session; answered by `session:completed`. */
{ type: "session:end"; payload: Empty } |
/** Asks what was done in a session. */
{ type: "session:summary"; payload: SummaryRequest } |
/** Has a solution reviewed. */
{ type: "practice:submit_solution"; payload: SubmitSolution } |
/** Runs a solution against its tests. */
{ type: "practice:run"; payload: RunSolution } |
/** Asks for a hint on a kata. */
{ type: "practice:request_hint"; payload: KataRef } |
/** Asks for the attempts at a kata. */
{ type: "practice:view_previous_attempts"; payload: KataRef } |
/** Asks for a kata. */
{ type: "challenge:load"; payload: KataRef } |
/** Asks for the dashboard. */
{ type: "dashboard:request"; payload: DashboardRequest } |
/** Rates the issues anew. */
{ type: "dashboard:refresh_issues"; payload: Empty } |
/** Asks for the learning materials. */
{ type: "materials:list"; payload: Empty } |
/** A material was opened. */
{ type: "materials:view"; payload: MaterialRef } |
/** A material is not wanted. */
{ type: "materials:dismiss"; payload: MaterialRef } |
/** Answers a material's question. */
{ type: "materials:complete"; payload: MaterialComplete };

/** `coaching:feedback`. */
export type CoachingFeedback = {
	/** The message. */
	messageId: string,
	/** Whether it helped. */
	helpful: boolean,
};

/** `coaching:message`. */
export type CoachingMessage = {
	/** Names the message in `coaching:feedback`. */
	messageId: string,
	/** The text. */
	message: string,
	/** Its tone. */
	type: Tone,
	/** Who speaks. */
	source: MessageSource,
	/** What it is about. */
	anchor?: Anchor | null,
	/** How much help it is: 1 where, 2 what to look at, 3 how to think about it, 4 shape. */
	rung?: number | null,
};

/** `coaching:progress`: a long request is under way. */
export type CoachingProgress = {
	/** What is done at the moment. */
	message: string,
	/** Which step that is, from 1. */
	step: number,
	/** How many steps there are. */
	of: number,
};

/** What a command was for. */
export type CommandKind =
/** It ran tests. */
"test" |
/** It built something. */
"build" |
/** Anything else. */
"other";

/** `user:run`: a command has run in the shell's terminal, or in that of `paige-sidecar run`. */
export type CommandRun = {
	/** The command line. */
	command: string,
	/** Its exit code. */
	exitCode: number,
	/** How long it ran, in milliseconds. */
	durationMs: number,
	/** The end of its output, at most 8 KB. */
	tail: string,
	/** Who ran it; `shell` when it is left out. */
	source?: CommandSource | null,
};

/** Who told of a command. */
export type CommandSource =
/** The desktop shell. */
"shell" |
/** A hook of Claude Code. */
"hook" |
/** `paige-sidecar run`. */
"pty";

/** `connection:error`: a message could not be handled; the connection stays unless it says so. */
export type ConnectionError = {
	/** For programs. */
	code: ErrorCode,
	/** For people. */
	message: string,
	/** What it was about. */
	context?: ErrorContext | null,
};

/** A constraint of a kata. */
export type Constraint = {
	/** Names it in `activeConstraints`. */
	id: string,
	/** What it demands. */
	description: string,
};

/** What calls of models have cost. */
export type Cost = {
	/** Attempts, the failed ones included. */
	calls: number,
	/** US dollars, as far as prices are known. */
	usd: number,
	/** Attempts with a model whose price is not known: they cost something, but not nothing. */
	unpriced: number,
};

/** A place in a text, both numbers 1-based. */
export type CursorPosition = {
	/** The line. */
	line: number,
	/** The column, in UTF-16 units as editors count. */
	column: number,
};

/** `dashboard:challenges`. */
export type DashboardChallenges = {
	/** Due ones first. */
	challenges: Challenge[],
};

/** `dashboard:issues_error`, `dashboard:challenges_error`, `dashboard:learning_materials_error`. */
export type DashboardError = {
	/** For people. */
	error: string,
};

/** `dashboard:issues`. */
export type DashboardIssues = {
	/** The best first. */
	issues: RatedIssue[],
};

/** `dashboard:learning_materials`. */
export type DashboardMaterials = {
	/** In the order of study. */
	materials: Material[],
};

/** `dashboard:request`. */
export type DashboardRequest = {
	/** Over which time the statistics go; everything when it is left out. */
	statsPeriod?: Period | null,
};

/** `dashboard:state`: what is known at once; the three lists follow. */
export type DashboardState = {
	/** Where the learner stands. */
	dreyfus: SkillStage[],
	/** The statistics. */
	stats: Stats,
	/** Empty; `dashboard:issues` follows. */
	issues: RatedIssue[],
	/** Empty; `dashboard:challenges` follows. */
	challenges: Challenge[],
	/** Empty; `dashboard:learning_materials` follows. */
	learningMaterials: Material[],
};

/** What an attempt says about the learner's stage. */
export type DreyfusSignal =
/** Upward. */
"advancing" |
/** As it was. */
"stable" |
/** More need than before. */
"struggling";

/** The payload of messages that carry nothing. */
export type Empty = Record<string, never>;

/** A file or a folder. */
export type EntryKind =
/** An empty file. */
"file" |
/** A folder; missing parents are made as well. */
"directory";

/**
 * What went wrong, for programs; the sentence beside it is for people.
 *
 * The same codes are used by `connection:error`, `fs:save_error`, MCP tool errors and HTTP errors.
 */
export type ErrorCode =
/** The message is not JSON, has no type, or a field of it is missing or ill-typed. */
"INVALID_MESSAGE" |
/** The message is part of the protocol, but this version does not answer it yet. */
"NOT_IMPLEMENTED" |
/** Something failed inside; the log has the details. */
"INTERNAL_ERROR" |
/** The client speaks another major version of the protocol. */
"PROTOCOL_MISMATCH" |
/** More messages a second than the limit allows. */
"RATE_LIMITED" |
/** The message or body is larger, or nested deeper, than the limit allows. */
"TOO_LARGE" |
/** No or an unknown token. */
"UNAUTHORIZED" |
/** The token, host or origin may not do this. */
"FORBIDDEN" |
/** No such route. */
"NOT_FOUND" |
/** The path is not one inside the project. */
"PATH_REFUSED" |
/** There is no such file or folder. */
"FILE_NOT_FOUND" |
/** There is already a file or folder of that name. */
"ALREADY_EXISTS" |
/** The path names a folder, a pipe, a device or a socket. */
"NOT_A_FILE" |
/** The path, or a part of it, is not a folder. */
"NOT_A_FOLDER" |
/** The file is larger than the limit for editing. */
"FILE_TOO_LARGE" |
/** The file is binary or not UTF-8, so that it cannot be edited as text. */
"NOT_TEXT" |
/** The path lies in a folder that Paige never writes to, such as `.git`. */
"READ_ONLY" |
/** The operating system refused the access. */
"PERMISSION_DENIED" |
/** The disk or the quota is full. */
"DISK_FULL" |
/** The file changed on disk since the client last saw it. */
"CONFLICT" |
/** There is no active coaching session. */
"NO_ACTIVE_SESSION" |
/** A coaching session is active already. */
"ACTIVE_SESSION_EXISTS" |
/** The project named is not the one that this sidecar serves. */
"PROJECT_MISMATCH" |
/** Another issue is under way in this session. */
"ISSUE_CHANGED" |
/** Something that the call needs is not there yet; the sentence says what. */
"PRECONDITION_FAILED" |
/** It cannot go from where it stands to where it is wanted. */
"INVALID_TRANSITION" |
/** There is no row of that id. */
"UNKNOWN_ID" |
/** An argument is well-typed but makes no sense. */
"INVALID_ARGUMENT" |
/** The text says or shows more than the learner's stage allows; the sentence says what to write instead. */
"TEXT_TOO_LARGE" |
/** The feature needs an API key, a tool or a server that is not there. */
"UNAVAILABLE" |
/** A budget would not cover the call of a model. */
"BUDGET_EXCEEDED" |
/** The call of a model failed; the sentence says how. */
"MODEL_FAILED" |
/** The sidecar is stopping. */
"SHUTTING_DOWN";

/** What an error was about; only the fields that apply are there. */
export type ErrorContext = {
	/** The type of the message that failed. */
	messageType?: string | null,
	/** The first field of the payload that is missing or ill-typed, for instance `range.startLine`. */
	field?: string | null,
	/** The file or folder. */
	path?: string | null,
	/** The session that is in the way. */
	sessionId?: number | null,
	/** What was expected, for instance a protocol version. */
	expected?: string | null,
	/** What was found instead. */
	actual?: string | null,
};

/** `user:explain`. */
export type Explain = {
	/** The file. */
	path: string,
	/** The lines. */
	range: TextRange,
	/** The selected text. */
	selectedText: string,
};

/** `explain:delta`: the next piece of an explanation that is being written. */
export type ExplainDelta = {
	/** The `id` of the request. */
	requestId: RequestId | null,
	/** The piece. */
	text: string,
};

/** `explain:error`. */
export type ExplainError = {
	/** The file. */
	path: string,
	/** For people. */
	error: string,
};

/** `explain:response`. */
export type ExplainResponse = {
	/** The file. */
	path: string,
	/** The explanation. */
	explanation: string,
	/** The concepts it is about. */
	keyConcepts: string[],
	/** A likeness from elsewhere. */
	analogy?: string | null,
	/** Files worth a look. */
	relatedFiles: string[],
	/** How it bears on the phase at hand. */
	phaseConnection?: string | null,
};

/** Which features are switched on. */
export type FeatureFlags = {
	/** The Observer. */
	observer: boolean,
	/** Practice mode. */
	practice: boolean,
	/** The dashboard. */
	dashboard: boolean,
	/** Explain This. */
	explain: boolean,
};

/** `file:create`. */
export type FileCreate = {
	/** Relative to the project, `/`-separated. */
	path: string,
	/** A file or a folder. */
	kind: EntryKind,
};

/** The highlighted lines of a file. */
export type FileHighlights = {
	/** The file. */
	path: string,
	/** The lines. */
	ranges: HighlightRange[],
};

/** A marked file. */
export type FileHint = {
	/** The file. */
	path: string,
	/** How. */
	style: FileHintStyle,
};

/** The style of a marked file. */
export type FileHintStyle =
/** Worth a look. */
"suggested" |
/** Part of the task. */
"required" |
/** Take care. */
"warning" |
/** Wrong. */
"error";

/** A path alone: `file:open`, `file:close`, `file:delete`. */
export type FilePath = {
	/** Relative to the project, `/`-separated. */
	path: string,
};

/** `file:rename`. */
export type FileRename = {
	/** The present path. */
	path: string,
	/** The wanted path; nothing may stand there. */
	newPath: string,
};

/**
 * `file:save`.
 *
 * Without `baseVersion` the version that this client last received of the file is used; `null`
 * means that the file must not exist. When the file on disk is another, the answer is
 * `fs:save_error` with `CONFLICT`.
 */
export type FileSave = {
	/** Relative to the project, `/`-separated. */
	path: string,
	/** The whole text. */
	content: string,
	/** The version that the text is based on. */
	baseVersion?: Version | null,
};

/** What to try next on a kata. */
export type FollowUp = {
	/** What kind of step. */
	type: FollowUpKind,
	/** The constraint to switch on. */
	constraint?: string | null,
	/** Why. */
	reason?: string | null,
};

/** What kind of step comes next on a kata. */
export type FollowUpKind =
/** The same again under another constraint. */
"constraint_escalation" |
/** Once more, with a hint. */
"retry_hint" |
/** Nothing: it is done. */
"completed";

/**
 * `fs:content`, the answer to `file:open`: the buffer's text when it has unsaved edits, the disk's
 * otherwise.
 */
export type FsContent = {
	/** Relative to the project, `/`-separated. */
	path: string,
	/** The whole text; empty for a binary file. */
	content: string,
	/** The language, as editors name it. */
	language: string,
	/** Lines, counted as pieces between line feeds. */
	lineCount: number,
	/** The version on disk that the text is based on; `null` when the file is not on disk. */
	version: Version | null,
	/** Whether the text has unsaved edits. */
	dirty: boolean,
	/** Whether the file is binary: it is not sent and cannot be saved as text. */
	isBinary: boolean,
};

/** `fs:save_ack`: a file was saved. */
export type FsSaveAck = {
	/** Relative to the project, `/`-separated. */
	path: string,
	/** Always true. */
	success: boolean,
	/** When, ISO 8601 UTC. */
	timestamp: string,
	/** The version now on disk. */
	version: Version,
};

/** `fs:save_error`: a file was not saved; the disk is as it was. */
export type FsSaveError = {
	/** As it was sent. */
	path: string,
	/** For people. */
	error: string,
	/** For programs. */
	code: ErrorCode,
	/** With `CONFLICT`: the version that the save was based on. */
	baseVersion?: Version | null,
	/** With `CONFLICT`: the version on disk. */
	currentVersion?: Version | null,
};

/** `fs:tree`: the project's files. */
export type FsTree = {
	/** The project folder itself; its `path` is `"."`. */
	root: TreeNode,
};

/**
 * `fs:tree_update`: one change of the project's files; also the direct answer to `file:create`,
 * `file:rename` and `file:delete`.
 */
export type FsTreeUpdate = {
	/** What happened. */
	action: TreeAction,
	/** Where. */
	path: string,
	/** The new path, for `rename`. */
	newPath?: string | null,
	/** What stands there now, for `add`, `addDir` and `rename`. */
	node?: TreeNode | null,
};

/**
 * `connection:hello`, the first message of a client.
 *
 * With `stream` and `lastSeq` it resumes: everything pushed after `lastSeq` is sent again.
 */
export type Hello = {
	/** The client's own version, for the log. */
	version: string,
	/** The client's platform, for the log. */
	platform: string,
	/** The size of its window in pixels. */
	windowSize: WindowSize,
	/** The protocol version it speaks; another major version is refused. */
	protocolVersion?: string | null,
	/** The stream of which it has seen pushes. */
	stream?: string | null,
	/** The last `seq` it has seen of that stream. */
	lastSeq?: number | null,
	/** Whether it owns the terminal in which nudges are typed. */
	terminal?: boolean | null,
};

/** `editor:highlight_lines`: lines to show, beside those that are shown already. */
export type HighlightLines = {
	/** The file. */
	path: string,
	/** The lines. */
	ranges: HighlightRange[],
};

/** Some lines to show, 1-based and inclusive. */
export type HighlightRange = {
	/** The first line. */
	start: number,
	/** The last line. */
	end: number,
	/** How. */
	style: Tone,
	/** What is shown when the mouse rests on them. */
	hoverText?: string | null,
	/** How much help it is: 1 where, 2 what to look at, 3 how to think about it, 4 shape. */
	rung?: number | null,
	/** The phase's hint that it shows: what `hints:viewed` names when its hover text was read. */
	hintId?: number | null,
};

/** `explorer:hint_files`: files to mark in the file list. */
export type HintFiles = {
	/** The files. */
	paths: string[],
	/** How. */
	style: FileHintStyle,
};

/** How much help is shown: questions only, files too, lines too, hover texts too. */
export type HintLevel =
/** Questions only. */
"off" |
/** Files. */
"low" |
/** Lines as well. */
"medium" |
/** Hover texts as well. */
"high";

/** `user:idle_end`. */
export type IdleEnd = {
	/** Milliseconds that the user was away. */
	idleDurationMs?: number | null,
};

/** `user:idle_start`. */
export type IdleStart = {
	/** Milliseconds without an action. */
	durationMs: number,
};

/** `connection:init`, the answer to `connection:hello`. */
export type Init = {
	/** The active coaching session, if there is one. */
	sessionId: number | null,
	/** The project folder, canonical. */
	projectDir: string,
	/** The protocol version that the sidecar speaks. */
	protocolVersion: string,
	/** The stream of this database and project. */
	stream: string,
	/**
	 * The last `seq` of the stream when this answer was made. A new client counts from here; one
	 * that resumes gets what lies between next.
	 */
	seq: number,
	/** The name of this connection; `buffer:update` of other clients carries theirs. */
	clientId: string,
	/** What works at the moment. */
	capabilities: Capabilities,
	/** Which features are switched on. */
	featureFlags: FeatureFlags,
};

/** `coaching:issue_context`. */
export type IssueContext = {
	/** The issue's title. */
	title: string,
	/** What it asks for. */
	summary: string,
	/** Its number. */
	number?: number | null,
	/** Its labels. */
	labels?: IssueLabel[] | null,
	/** Where it stands. */
	url?: string | null,
};

/** A label of an issue. */
export type IssueLabel = {
	/** Its name. */
	name: string,
	/** Its colour, six hexadecimal digits. */
	color?: string | null,
};

/** A kata alone: `practice:request_hint`, `practice:view_previous_attempts`, `challenge:load`. */
export type KataRef = {
	/** The kata. */
	kataId: number,
};

/** `hints:level`: the level in force. */
export type Level = {
	/** The level. */
	level: HintLevel,
	/** Who set it. */
	source: LevelSource,
};

/** `hints:level_change`: the learner wants another level. */
export type LevelChange = {
	/** The level that the client showed until now; the sidecar knows better. */
	from?: HintLevel | null,
	/** The wanted level. */
	to: HintLevel,
};

/** Who set the hint level. */
export type LevelSource =
/** The learner; it stays until the session ends. */
"user" |
/** The phase that became active. */
"phase" |
/** Fading: after help the next phase starts one rung lower. */
"fading";

/** A learning material. */
export type Material = {
	/** The row. */
	id: number,
	/** What it is: `youtube` or `article`. */
	type: string,
	/** Where it is. */
	url: string,
	/** Its title. */
	title: string,
	/** What it teaches. */
	description: string,
	/** A picture of it. */
	thumbnailUrl: string | null,
	/** What one should be able to answer afterwards. */
	question: string,
	/** How often it was viewed. */
	viewCount: number,
	/** Where it stands. */
	status: MaterialStatus,
	/** When it was found, ISO 8601 UTC. */
	createdAt: string,
};

/** `materials:complete`. */
export type MaterialComplete = {
	/** The material. */
	id: number,
	/** The answer to its question. */
	answer: string,
};

/** `materials:complete_result`. */
export type MaterialCompleteResult = {
	/** The material. */
	id: number,
	/** Whether the answer was right. */
	correct: boolean,
	/** What to think about. */
	message?: string | null,
};

/** `materials:list_result`. */
export type MaterialList = {
	/** Newest first. */
	materials: Material[],
};

/** A learning material alone: `materials:view`, `materials:dismiss`. */
export type MaterialRef = {
	/** The material. */
	id: number,
};

/** Where a learning material stands. */
export type MaterialStatus =
/** Not done. */
"pending" |
/** Its question was answered. */
"completed" |
/** Not wanted. */
"dismissed";

/** `materials:updated`. */
export type MaterialUpdated = {
	/** The material. */
	id: number,
	/** How often it was viewed. */
	viewCount: number,
	/** Where it stands. */
	status: MaterialStatus,
};

/** Who speaks in a coaching message. */
export type MessageSource =
/** Claude, through a tool. */
"coaching" |
/** An explanation. */
"explain" |
/** The Observer. */
"observer";

/** What an entry of the tree is. */
export type NodeKind =
/** A file, or a symbolic link. */
"file" |
/** A folder. */
"directory";

/** `observer:nudge`. */
export type Nudge = {
	/** What was noticed. */
	signal: Signal,
	/** How sure it is, 0 to 1. */
	confidence: number,
	/** Where the learner stands. */
	context: NudgeContext,
	/** The line for the terminal: `[PAIGE_OBSERVER] ` and one line of JSON without control characters. */
	message: string,
	/** After this it is not delivered any more, ISO 8601 UTC. */
	expiresAt: string,
	/** Whether this client is to type it. */
	deliver: boolean,
	/** Whether it is played again from a recording, and never typed. */
	replay?: boolean | null,
};

/** Where the learner stands when they are nudged. */
export type NudgeContext = {
	/** The file that they look at. */
	currentFile?: string | null,
	/** A file that the phase is about. */
	expectedFile?: string | null,
	/** How long they have looked at the file, for instance `3m12s`. */
	timeInFile?: string | null,
	/** The number of the phase. */
	currentPhase?: number | null,
	/** What the phase is about. */
	phaseDescription?: string | null,
	/** How to help this time. */
	step: BreakerStep,
};

/** `observer:mute`. */
export type ObserverMute = {
	/** Whether the Observer is to be quiet. */
	muted: boolean,
};

/** `observer:status`. */
export type ObserverStatus = {
	/** Whether it follows a session. */
	active: boolean,
	/** Whether it is quiet. */
	muted: boolean,
	/** When it last looked, ISO 8601 UTC. */
	lastEvaluation: string | null,
};

/** `editor:open_file`: Claude shows a file. */
export type OpenFile = {
	/** Relative to the project, `/`-separated. */
	path: string,
	/** The whole text, the buffer's when it has unsaved edits. */
	content: string,
	/** The language, as editors name it. */
	language: string,
	/** Lines, counted as pieces between line feeds. */
	lineCount: number,
	/** The version on disk that the text is based on; `null` when the file is not on disk. */
	version: Version | null,
};

/** An open file. */
export type OpenTab = {
	/** Relative to the project, `/`-separated. */
	path: string,
	/** Whether it has unsaved edits; `file:open` answers them. */
	dirty: boolean,
};

/** Over which time statistics go. */
export type Period =
/** Since midnight, local time. */
"today" |
/** The last seven days. */
"7d" |
/** The last thirty days. */
"30d" |
/** Everything. */
"all";

/** A phase of a plan. */
export type Phase = {
	/** The row. */
	id: number,
	/** Its number in the plan, from 1. */
	number: number,
	/** Its title. */
	title: string,
	/** What to do. */
	description: string,
	/** The hint level it starts with. */
	hintLevel: HintLevel,
	/** Where it stands. */
	status: PhaseStatus,
	/** The files that it is expected to touch. */
	expectedFiles: string[],
	/** When it became active, ISO 8601 UTC. */
	startedAt: string | null,
	/** When it was completed, ISO 8601 UTC. */
	completedAt: string | null,
	/** The goal in the learner's words. */
	goal?: string | null,
	/** How they will know that it is done. */
	doneWhen?: string | null,
	/** What it teaches. */
	teaches?: string | null,
	/** Which earlier experience it connects to. */
	memoryConnection?: string | null,
};

/** Where a phase stands; it never goes back. */
export type PhaseStatus =
/** Not begun. */
"pending" |
/** Under way; at most one of a plan. */
"active" |
/** Done. */
"complete";

/** What was done in a phase. */
export type PhaseSummary = {
	/** Its number in the plan, from 1. */
	number: number,
	/** Its title. */
	title: string,
	/** How long it was active. */
	minutes: number,
	/** Hints that were used in it. */
	hintsUsed: number,
};

/** `coaching:phase_update`. */
export type PhaseUpdate = {
	/** The whole phase as it is now. */
	phase: Phase,
};

/** A coaching plan. */
export type Plan = {
	/** The row. */
	id: number,
	/** Its title. */
	title: string,
	/** What it is about. */
	description: string,
	/** How many phases it has. */
	totalPhases: number,
};

/** `coaching:plan_ready`. */
export type PlanReady = {
	/** The plan. */
	plan: Plan,
	/** Its phases. */
	phases: Phase[],
	/** The earlier experience it builds on. */
	memoryConnection?: string | null,
	/** How hard it is expected to be. */
	estimatedDifficulty?: string | null,
};

/** `practice:hint`. */
export type PracticeHint = {
	/** The kata. */
	kataId: number,
	/** The hint. */
	hint: string,
};

/** `practice:previous_attempts`. */
export type PreviousAttempts = {
	/** The kata. */
	kataId: number,
	/** Oldest first. */
	attempts: Attempt[],
};

/** What a prompt asks for: the inquiry share counts questions against requests (coaching.md §6). */
export type PromptClass =
/** To understand something. */
"question" |
/** To have something done. */
"request" |
/** Neither. */
"other";

/** An open issue with its rating. */
export type RatedIssue = {
	/** Its number. */
	number: number,
	/** Its title. */
	title: string,
	/** Where it stands. */
	url: string,
	/** Its labels. */
	labels: string[],
	/** Whether it suits the learner. */
	suitability?: Suitability | null,
	/** Why. */
	reason?: string | null,
	/** How hard it is. */
	difficulty?: string | null,
	/** The skills it needs. */
	skills?: string[] | null,
	/** How it was ranked; larger is better. */
	priorityScore: number,
	/** What the rank came from. */
	priorityFactors: string[],
	/** What can be learned from it. */
	learningOpportunities?: string[] | null,
	/** What to attend to. */
	recommendedFocus?: string | null,
	/** Whether it is assigned to the user, mentions or was written by them. */
	userTagged: boolean,
};

/** The caller's name for a request; it comes back on the direct answers. */
export type RequestId =
/** A text. */
string |
/** A whole number. */
number;

/** Why a cursor cannot be resumed. */
export type ResyncReason =
/** The stream is of another database or project. */
"unknown_stream" |
/** The `lastSeq` lies beyond the last push: the database is older than the client. */
"ahead_of_stream" |
/** What was missed is no longer kept. */
"too_far_behind";

/**
 * `connection:resync_required`: the client's cursor cannot be resumed. A fresh snapshot follows
 * (`session:restore` when a session is active, and `fs:tree`), and the client counts from `seq`.
 */
export type ResyncRequired = {
	/** Why. */
	reason: ResyncReason,
	/** The stream to use from now on. */
	stream: string,
	/** The last `seq` that the snapshot includes. */
	seq: number,
};

/** `review:error`. */
export type ReviewError = {
	/** For people. */
	error: string,
	/** The kata. */
	kataId?: number | null,
};

/** Something that a review has found. */
export type ReviewIssue = {
	/** What it is about, in a few words that are the same each time it is met. */
	topic: string,
	/** The file. */
	path?: string | null,
	/** The line, from 1. */
	line?: number | null,
};

/** `practice:run_result`. */
export type RunResult = {
	/** The kata. */
	kataId: number,
	/** One entry a test. */
	tests: TestResult[],
	/** The end of what the program printed. */
	output: string,
	/** How well the run was locked in, as a sentence. */
	guarantee: string,
};

/** `practice:run`. */
export type RunSolution = {
	/** The kata. */
	kataId: number,
	/** The learner's code. */
	code: string,
};

/** `editor:selection`. */
export type Selection = {
	/** The file. */
	path: string,
	/** What is selected. */
	range: TextRange,
	/** The selected text. */
	selectedText?: string | null,
};

/** What stands around every message of the sidecar. */
export type ServerEnvelope<M> = {
	/** On a direct answer: the request's. */
	id?: RequestId | null,
	/** On a push: its number in the stream, without gaps. */
	seq?: number | null,
	/**
	 * True on a push of an earlier time that is shown again by `POST /replay`: it has no `seq`, moves
	 * no cursor and says nothing of how things are now.
	 */
	replay?: boolean | null,
	/** When it was made, ISO 8601 UTC. */
	timestamp: string,
} & M;

/** What the sidecar sends: answers, pushes (they have a `seq`) and passing news. */
export type ServerMessage =
/** Answer to `connection:hello`. */
{ type: "connection:init"; payload: Init } |
/** A message could not be handled. */
{ type: "connection:error"; payload: ConnectionError } |
/** The cursor cannot be resumed; a snapshot follows. */
{ type: "connection:resync_required"; payload: ResyncRequired } |
/** Push. A coaching session has started. */
{ type: "session:started"; payload: SessionStarted } |
/** Push. A coaching session has ended. */
{ type: "session:completed"; payload: SessionCompleted } |
/** Answer. Everything that a client shows of an active session. */
{ type: "session:restore"; payload: SessionRestore } |
/** Answer. What was done in a session. */
{ type: "session:summary"; payload: SessionSummary } |
/** Passing. The project's files. */
{ type: "fs:tree"; payload: FsTree } |
/** Passing. One change of the project's files. */
{ type: "fs:tree_update"; payload: FsTreeUpdate } |
/** Answer. The text of a file. */
{ type: "fs:content"; payload: FsContent } |
/** Push. A file was saved. */
{ type: "fs:save_ack"; payload: FsSaveAck } |
/** Answer. A file was not saved. */
{ type: "fs:save_error"; payload: FsSaveError } |
/** Passing. Another window's edit, or the disk's new text of a clean buffer. */
{ type: "buffer:update"; payload: BufferUpdated } |
/** Push. Claude shows a file. */
{ type: "editor:open_file"; payload: OpenFile } |
/** Push. Lines to show, beside those that are shown already. */
{ type: "editor:highlight_lines"; payload: HighlightLines } |
/** Push. The highlights that Claude set are gone. */
{ type: "editor:clear_highlights"; payload: ClearHighlights } |
/** Push. Files to mark in the file list. */
{ type: "explorer:hint_files"; payload: HintFiles } |
/** Push. The marks that Claude set in the file list are gone. */
{ type: "explorer:clear_hints"; payload: Empty } |
/** Push. The hint level in force. */
{ type: "hints:level"; payload: Level } |
/** Push. A plan was made. */
{ type: "coaching:plan_ready"; payload: PlanReady } |
/** Push. A phase has changed. */
{ type: "coaching:phase_update"; payload: PhaseUpdate } |
/** Push. Something to tell the learner. */
{ type: "coaching:message"; payload: CoachingMessage } |
/** Push. The issue that is worked on. */
{ type: "coaching:issue_context"; payload: IssueContext } |
/** Passing. A long request is under way. */
{ type: "coaching:progress"; payload: CoachingProgress } |
/** Push. Whether the Observer follows, and whether it is quiet. */
{ type: "observer:status"; payload: ObserverStatus } |
/** Push. Something to be typed into the terminal. */
{ type: "observer:nudge"; payload: Nudge } |
/** Answer. An explanation. */
{ type: "explain:response"; payload: ExplainResponse } |
/** Passing. The next piece of an explanation. */
{ type: "explain:delta"; payload: ExplainDelta } |
/** Answer. There is no explanation. */
{ type: "explain:error"; payload: ExplainError } |
/** Push. The review of a solution. */
{ type: "practice:solution_review"; payload: SolutionReview } |
/** Answer. A hint on a kata. */
{ type: "practice:hint"; payload: PracticeHint } |
/** Answer. The attempts at a kata. */
{ type: "practice:previous_attempts"; payload: PreviousAttempts } |
/** Answer. How the tests of a kata went. */
{ type: "practice:run_result"; payload: RunResult } |
/** Answer. There is no review. */
{ type: "review:error"; payload: ReviewError } |
/** Answer. A kata. */
{ type: "challenge:loaded"; payload: ChallengeLoaded } |
/** Answer. There is no such kata. */
{ type: "challenge:load_error"; payload: ChallengeLoadError } |
/** Answer. What is known at once. */
{ type: "dashboard:state"; payload: DashboardState } |
/** Answer. Rated issues. */
{ type: "dashboard:issues"; payload: DashboardIssues } |
/** Answer. There are no issues to show. */
{ type: "dashboard:issues_error"; payload: DashboardError } |
/** Answer. Katas to practise. */
{ type: "dashboard:challenges"; payload: DashboardChallenges } |
/** Answer. There are no katas to show. */
{ type: "dashboard:challenges_error"; payload: DashboardError } |
/** Answer. Learning materials. */
{ type: "dashboard:learning_materials"; payload: DashboardMaterials } |
/** Answer. There are no materials to show. */
{ type: "dashboard:learning_materials_error"; payload: DashboardError } |
/** Answer. The learning materials. */
{ type: "materials:list_result"; payload: MaterialList } |
/** Answer. Whether the answer was right. */
{ type: "materials:complete_result"; payload: MaterialCompleteResult } |
/** Push. A material has changed. */
{ type: "materials:updated"; payload: MaterialUpdated } |
/** Push. Most of a budget is spent. */
{ type: "budget:warning"; payload: BudgetWarning };

/** A coaching session. */
export type Session = {
	/** The row. */
	id: number,
	/** The project folder, canonical. */
	projectDir: string,
	/** The issue that is worked on. */
	issueNumber: number | null,
	/** Its title. */
	issueTitle: string | null,
	/** Where the session stands. */
	status: SessionStatus,
	/** When it started, ISO 8601 UTC. */
	startedAt: string,
	/** When it ended, ISO 8601 UTC. */
	endedAt: string | null,
};

/** `session:completed`. */
export type SessionCompleted = {
	/** The row. */
	sessionId: number,
	/** How it ended. */
	status: SessionStatus,
	/** Memories written. */
	memoriesAdded: number,
	/** Knowledge gaps found. */
	gapsIdentified: number,
	/** Katas made. */
	katasGenerated: number,
	/** Stages changed. */
	assessmentsUpdated: number,
	/** What was done. */
	summary: Summary,
};

/** `session:restore`: everything that a client shows of an active session. */
export type SessionRestore = {
	/** The session. */
	session: Session,
	/** The issue, when Claude has shown it. */
	issue: IssueContext | null,
	/** The active plan. */
	plan: Plan | null,
	/** Its phases. */
	phases: Phase[],
	/** The hint level in force. */
	hintLevel: HintLevel,
	/** The open files, in the order in which they were opened. */
	openFiles: OpenTab[],
	/** The highlighted lines. */
	highlights: FileHighlights[],
	/** The marked files. */
	fileHints: FileHint[],
};

/** `session:start`. */
export type SessionStart = {
	/** The issue to work on. */
	issueNumber?: number | null,
	/** Its title. */
	issueTitle?: string | null,
};

/** `session:started`. */
export type SessionStarted = {
	/** The row. */
	sessionId: number,
	/** The session. */
	session: Session,
	/** The hint level it starts with. */
	hintLevel: HintLevel,
};

/** Where a session stands. */
export type SessionStatus =
/** Under way. */
"active" |
/** Ended; its wrap-up runs. */
"ending" |
/** Ended, and wrapped up. */
"completed" |
/** Ended; a step of its wrap-up failed. */
"completed_with_errors" |
/** Replaced by another session, or found after a crash and not resumed. */
"abandoned";

/** `session:summary` to the client that asked. */
export type SessionSummary = {
	/** The session. */
	session: Session,
	/** What was done. */
	summary: Summary,
};

/** What the Observer notices. */
export type Signal =
/** No progress on the step at hand. */
"stuck_on_implementation" |
/** No action for long. */
"long_idle" |
/** More and more help asked for. */
"excessive_hints" |
/** The same error again and again. */
"repeated_errors" |
/** Work in a file that the phase does not touch. */
"wrong_file" |
/** Work beyond the phase. */
"scope_drift" |
/** The phase looks done. */
"phase_complete";

/** Where the learner stands in a skill area. */
export type SkillStage = {
	/** The area. */
	skillArea: string,
	/** `Novice`, `Advanced Beginner`, `Competent`, `Proficient` or `Expert`. */
	stage: string,
	/** How sure that is, 0 to 1. */
	confidence: number,
	/** When it was assessed, ISO 8601 UTC. */
	assessedAt: string,
};

/** `practice:solution_review`. */
export type SolutionReview = {
	/** The kata. */
	kataId: number,
	/** The review. */
	review: string,
	/** 1 to 10. */
	level: number,
	/** Whether it is solved. */
	passed: boolean,
	/** The constraints that may be switched on from now on. */
	constraintsUnlocked: string[],
	/** What to try next. */
	followUp?: FollowUp | null,
	/** What it says about the learner's stage. */
	dreyfusSignal?: DreyfusSignal | null,
};

/** `stage:correct`. */
export type StageCorrect = {
	/** The skill area. */
	skillArea: string,
	/** The stage that the learner thinks right. */
	stage: string,
};

/** Figures over the period asked for. */
export type Stats = {
	/** Sessions begun. */
	totalSessions: number,
	/** Entries of the timeline. */
	totalActions: number,
	/** Calls to a model. */
	totalApiCalls: number,
	/** What they cost, in US dollars. */
	totalCost: number,
};

/** `practice:submit_solution`. */
export type SubmitSolution = {
	/** The kata. */
	kataId: number,
	/** The learner's code. */
	code: string,
	/** The constraints that were on. */
	activeConstraints: string[],
};

/** Whether an issue suits the learner. */
export type Suitability =
/** It does. */
"good_fit" |
/** With some effort. */
"stretch" |
/** Not yet. */
"too_advanced";

/** What was done in a session. */
export type Summary = {
	/** The phases that were begun. */
	phases: PhaseSummary[],
	/** Topics of the gaps found. */
	gaps: string[],
	/** Titles of the katas made. */
	katas: string[],
	/** Stages, `area: stage`. */
	stages: string[],
	/** What failed in the wrap-up, as sentences. */
	errors: string[],
	/** What the calls of models have cost up to now. */
	cost: Cost,
};

/** `session:summary` of a client. */
export type SummaryRequest = {
	/** The session. */
	sessionId: number,
};

/** Why the Observer did not ask, or did not nudge. */
export type SuppressionReason =
/** It was muted while the model was thinking. */
"muted" |
/** A model was being asked already. */
"in_progress" |
/** The last nudge was not long ago. */
"cooldown" |
/** The strict profile lets a phase begin without nudges. */
"productive_struggle" |
/** The learner is at work. */
"flow_state" |
/** Nothing has changed since the last look. */
"unchanged" |
/** No computed signal asks for a look. */
"precheck" |
/** There is no model to ask. */
"offline" |
/** The model did not answer, or not in form. */
"failed" |
/** The model named a signal that there is not. */
"unknown_signal" |
/** The model said that there is to be a nudge, and that there is nothing to nudge about. */
"contradictory" |
/** The record says the opposite of what the model noticed. */
"unsupported" |
/** The phase that the model was asked about is not the present one any more. */
"outdated" |
/** The model was not sure enough. */
"low_confidence";

/** `editor:tab_switch`. */
export type TabSwitch = {
	/** The tab that was shown before. */
	fromPath?: string | null,
	/** The tab that is shown now. */
	toPath: string,
};

/** How a test of a kata went. */
export type TestResult = {
	/** The test. */
	name: string,
	/** Whether it passed. */
	passed: boolean,
	/** Why it failed. */
	message?: string | null,
};

/** A stretch of a text, 1-based and inclusive. */
export type TextRange = {
	/** The first line. */
	startLine: number,
	/** The first column; the whole line when it is left out. */
	startColumn?: number | null,
	/** The last line. */
	endLine: number,
	/** The last column; the whole line when it is left out. */
	endColumn?: number | null,
};

/** What stands around an action on the timeline, and around what is written as one. */
export type TimelineEntryOf<A> = {
	/** Its number: later entries have larger ones. */
	id: number,
	/** The session in which it happened; null when there was none. */
	sessionId: number | null,
	/** When, ISO 8601 UTC with milliseconds. */
	createdAt: string,
	/** The tool call that made it: all that one call did has the same. */
	callId?: string | null,
} & A;

/** A page of the timeline, oldest entry first. */
export type TimelinePageOf<A> = {
	/** What passes the filters, in the order in which it happened. */
	entries: TimelineEntryOf<A>[],
	/** The `cursor` of the next page; null when there is no more at the moment. */
	nextCursor: number | null,
};

/** The style of a highlight and the tone of a message. */
export type Tone =
/** Worth knowing. */
"info" |
/** A hint. */
"hint" |
/** Well done. */
"success" |
/** Take care. */
"warning" |
/** Wrong. */
"error";

/** What the read-only rule did with a tool that it did not allow. */
export type ToolDecision =
/** It was left to the human. */
"ask" |
/** It was denied. */
"deny";

/** What can happen to an entry of the tree. */
export type TreeAction =
/** A file came. */
"add" |
/** A file's content changed. */
"change" |
/** A file went. */
"unlink" |
/** A folder came, with all that is in it. */
"addDir" |
/** A folder went, with all that was in it. */
"unlinkDir" |
/** A file or folder has another path now. */
"rename";

/** A file or folder with all that is in it. */
export type TreeNode = {
	/** The last component of its path; the folder's own name for the project folder. */
	name: string,
	/** Relative to the project, `/`-separated; `"."` for the project folder. */
	path: string,
	/** What it is; a symbolic link is shown as a file and never followed. */
	type: NodeKind,
	/** What is in a folder: folders first, then files, each in alphabetical order. Absent for a file. */
	children?: TreeNode[] | null,
};

/** What made the Observer look. */
export type Trigger =
/** The human opened a file. */
"file_open" |
/** The human saved a file. */
"file_save" |
/** One more fifth update of unsaved text. */
"buffer_updates" |
/** One more third request for an explanation. */
"explain_requests" |
/** A phase became active. */
"phase_started" |
/** A phase was completed. */
"phase_completed" |
/** Nothing was done for long. */
"idle";

/**
 * The version of a file's content: equal contents have equal versions. Opaque to clients.
 *
 * It is a hash for noticing changes, not a proof against somebody who forges one: who can write
 * the file needs no collision.
 */
export type Version = string;

/** `hints:viewed`: the learner has read a hover text. */
export type Viewed = {
	/** The hint. */
	hintId: number,
};

/** A window's size in pixels. */
export type WindowSize = {
	/** Pixels from left to right. */
	width: number,
	/** Pixels from top to bottom. */
	height: number,
};

/** The version of the wire, `major.minor`. */
export const PROTOCOL_VERSION = "1.0";

/** A whole frame of a client. */
export type ClientFrame = ClientEnvelope<ClientMessage>;

/** A whole frame of the sidecar. */
export type ServerFrame = ServerEnvelope<ServerMessage>;

/** An entry of the timeline: the data of each event of its stream. */
export type TimelineEntry = TimelineEntryOf<Action>;

/** What `GET /timeline` answers. */
export type TimelinePage = TimelinePageOf<Action>;

/** The payload of every message of a client, by its type. */
export type ClientPayloads = { [M in ClientMessage as M["type"]]: M["payload"] };

/** The payload of every message of the sidecar, by its type. */
export type ServerPayloads = { [M in ServerMessage as M["type"]]: M["payload"] };
