-- The tables of the coaching desk. Times are ISO 8601 UTC with milliseconds, so that they sort as text.

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_dir TEXT NOT NULL,
    issue_number INTEGER,
    issue_title TEXT,
    issue_summary TEXT,
    issue_labels TEXT CHECK (issue_labels IS NULL OR (json_valid(issue_labels) AND json_type(issue_labels) = 'array')),
    issue_url TEXT,
    status TEXT NOT NULL CHECK (status IN ('active', 'ending', 'completed', 'completed_with_errors', 'abandoned')),
    started_by TEXT NOT NULL CHECK (started_by IN ('hook', 'mcp', 'ui')),
    hint_level TEXT NOT NULL CHECK (hint_level IN ('off', 'low', 'medium', 'high')),
    hint_level_source TEXT NOT NULL CHECK (hint_level_source IN ('user', 'phase', 'fading', 'start')),
    started_at TEXT NOT NULL,
    ended_at TEXT,
    last_activity_at TEXT NOT NULL,
    total_duration_ms INTEGER CHECK (total_duration_ms >= 0),
    CHECK ((status = 'active') = (ended_at IS NULL))
) STRICT;
-- At most one active session in the whole file: the record is about one person.
CREATE UNIQUE INDEX sessions_one_active ON sessions (status) WHERE status = 'active';
CREATE INDEX sessions_status ON sessions (status, last_activity_at);
CREATE INDEX sessions_project ON sessions (project_dir, started_at);
CREATE INDEX sessions_started ON sessions (started_at);

CREATE TABLE session_claude_ids (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    claude_id TEXT NOT NULL,
    attached_at TEXT NOT NULL,
    detached_at TEXT,
    PRIMARY KEY (session_id, claude_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE plans (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    total_phases INTEGER NOT NULL CHECK (total_phases >= 0),
    raw_plan_text TEXT,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX plans_session ON plans (session_id);
CREATE UNIQUE INDEX plans_one_active ON plans (session_id) WHERE is_active = 1;

CREATE TABLE phases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    plan_id INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number >= 1),
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    hint_level TEXT NOT NULL CHECK (hint_level IN ('off', 'low', 'medium', 'high')),
    expected_files TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(expected_files) AND json_type(expected_files) = 'array'),
    status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'complete')),
    started_at TEXT,
    completed_at TEXT,
    UNIQUE (plan_id, number),
    CHECK ((status = 'pending') = (started_at IS NULL)),
    CHECK ((status = 'complete') = (completed_at IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX phases_one_active ON phases (plan_id) WHERE status = 'active';

CREATE TABLE phase_hints (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    phase_id INTEGER NOT NULL REFERENCES phases (id) ON DELETE CASCADE,
    type TEXT NOT NULL CHECK (type IN ('file', 'line')),
    path TEXT NOT NULL,
    line_start INTEGER CHECK (line_start >= 1),
    line_end INTEGER,
    style TEXT NOT NULL CHECK (style IN ('suggested', 'required', 'info', 'hint', 'success', 'warning', 'error')),
    hover_text TEXT,
    required_level TEXT NOT NULL CHECK (required_level IN ('low', 'medium', 'high')),
    rung INTEGER NOT NULL DEFAULT 2 CHECK (rung BETWEEN 1 AND 4),
    CHECK (CASE type
        WHEN 'file' THEN line_start IS NULL AND line_end IS NULL
        ELSE line_start IS NOT NULL AND (line_end IS NULL OR line_end >= line_start)
    END)
) STRICT;
CREATE INDEX phase_hints_phase ON phase_hints (phase_id, type);

CREATE TABLE progress_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    phase_id INTEGER NOT NULL REFERENCES phases (id) ON DELETE CASCADE,
    event_type TEXT NOT NULL CHECK (event_type IN
        ('hint_used', 'hint_escalated', 'review_requested', 'review_passed', 'review_failed')),
    data TEXT CHECK (data IS NULL OR json_valid(data)),
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX progress_events_phase ON progress_events (phase_id, event_type);

CREATE TABLE dreyfus_assessments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    skill_area TEXT NOT NULL UNIQUE,
    stage TEXT NOT NULL CHECK (stage IN ('Novice', 'Advanced Beginner', 'Competent', 'Proficient', 'Expert')),
    confidence REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    evidence TEXT NOT NULL,
    assessed_at TEXT NOT NULL
) STRICT;

-- One row per topic, whatever its capitals: met again, its `frequency` rises. `session_id` is where it was
-- first seen; `gap_sightings` says in which sessions it was seen at all.
CREATE TABLE knowledge_gaps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    topic TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high')),
    evidence TEXT NOT NULL,
    related_concepts TEXT NOT NULL DEFAULT '[]'
        CHECK (json_valid(related_concepts) AND json_type(related_concepts) = 'array'),
    addressed INTEGER NOT NULL DEFAULT 0 CHECK (addressed IN (0, 1)),
    frequency INTEGER NOT NULL DEFAULT 1 CHECK (frequency >= 1),
    identified_at TEXT NOT NULL,
    last_encountered_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX knowledge_gaps_topic ON knowledge_gaps (topic COLLATE NOCASE);
CREATE INDEX knowledge_gaps_session ON knowledge_gaps (session_id);
CREATE INDEX knowledge_gaps_addressed ON knowledge_gaps (addressed, last_encountered_at);
CREATE INDEX knowledge_gaps_encountered ON knowledge_gaps (last_encountered_at);

CREATE TABLE gap_sightings (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    gap_id INTEGER NOT NULL REFERENCES knowledge_gaps (id) ON DELETE CASCADE,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (session_id, gap_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX gap_sightings_gap ON gap_sightings (gap_id);

CREATE TABLE kata_specs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    gap_id INTEGER NOT NULL REFERENCES knowledge_gaps (id) ON DELETE CASCADE,
    kind TEXT DEFAULT 'code' CHECK (kind IN ('code', 'debug', 'explain', 'quiz')),
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    scaffolding_code TEXT NOT NULL,
    instructor_notes TEXT NOT NULL,
    constraints TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(constraints) AND json_type(constraints) = 'array'),
    user_attempts TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(user_attempts) AND json_type(user_attempts) = 'array'),
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX kata_specs_gap ON kata_specs (gap_id);

-- The timeline. What happens without a session has a null `session_id`. Rows are numbered in the order in which
-- they became true, so `id` is the order and the cursor; each index below ends in it.
CREATE TABLE action_log (
    id INTEGER PRIMARY KEY,
    session_id INTEGER REFERENCES sessions (id) ON DELETE CASCADE,
    action_type TEXT NOT NULL,
    data TEXT CHECK (data IS NULL OR json_valid(data)),
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX action_log_session ON action_log (session_id);
CREATE INDEX action_log_session_type ON action_log (session_id, action_type);
CREATE INDEX action_log_type ON action_log (action_type);
CREATE INDEX action_log_created ON action_log (created_at);

-- The ledger. `cost_estimate` is US dollars, null for a model without a known price; `latency_ms` -1 marks a
-- failed attempt. Money spent stays counted when its session is forgotten.
CREATE TABLE api_call_log (
    id INTEGER PRIMARY KEY,
    session_id INTEGER REFERENCES sessions (id) ON DELETE SET NULL,
    call_type TEXT NOT NULL,
    model TEXT NOT NULL,
    input_hash TEXT,
    latency_ms INTEGER NOT NULL CHECK (latency_ms >= -1),
    input_tokens INTEGER NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    output_tokens INTEGER NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    cache_write_tokens INTEGER NOT NULL DEFAULT 0 CHECK (cache_write_tokens >= 0),
    cache_read_tokens INTEGER NOT NULL DEFAULT 0 CHECK (cache_read_tokens >= 0),
    cost_estimate REAL CHECK (cost_estimate >= 0),
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX api_call_log_session ON api_call_log (session_id);
CREATE INDEX api_call_log_created ON api_call_log (created_at);

CREATE TABLE session_wrap_up_errors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    agent_name TEXT NOT NULL CHECK (agent_name IN ('reflection', 'knowledge_gap', 'dreyfus')),
    error_message TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX session_wrap_up_errors_session ON session_wrap_up_errors (session_id);

-- `input` is what the step needs besides the tables (the transcript), so that it can run after a restart.
CREATE TABLE wrap_up_jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    step TEXT NOT NULL CHECK (step IN ('reflection', 'knowledge_gap', 'dreyfus')),
    status TEXT NOT NULL CHECK (status IN ('pending', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    input TEXT,
    result TEXT CHECK (result IS NULL OR json_valid(result)),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (session_id, step)
) STRICT;
CREATE INDEX wrap_up_jobs_pending ON wrap_up_jobs (session_id, id) WHERE status = 'pending';

CREATE TABLE hint_level_spans (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    level TEXT NOT NULL CHECK (level IN ('off', 'low', 'medium', 'high')),
    started_at TEXT NOT NULL,
    ended_at TEXT
) STRICT;
CREATE INDEX hint_level_spans_session ON hint_level_spans (session_id);
CREATE UNIQUE INDEX hint_level_spans_one_open ON hint_level_spans (session_id) WHERE ended_at IS NULL;

-- Issue numbers mean something only within a project.
CREATE TABLE issue_labels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_dir TEXT NOT NULL,
    issue_number INTEGER NOT NULL,
    label_name TEXT NOT NULL,
    label_color TEXT,
    UNIQUE (project_dir, issue_number, label_name)
) STRICT;

CREATE TABLE learning_materials (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    phase_id INTEGER REFERENCES phases (id) ON DELETE SET NULL,
    gap_id INTEGER REFERENCES knowledge_gaps (id) ON DELETE SET NULL,
    type TEXT NOT NULL CHECK (type IN ('youtube', 'article')),
    url TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    thumbnail_url TEXT,
    question TEXT NOT NULL,
    unverified INTEGER NOT NULL DEFAULT 0 CHECK (unverified IN (0, 1)),
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'completed', 'dismissed')),
    view_count INTEGER NOT NULL DEFAULT 0 CHECK (view_count >= 0),
    created_at TEXT NOT NULL,
    completed_at TEXT,
    CHECK ((status = 'completed') = (completed_at IS NOT NULL))
) STRICT;
CREATE INDEX learning_materials_session ON learning_materials (session_id);
CREATE INDEX learning_materials_status ON learning_materials (status, created_at);
CREATE INDEX learning_materials_phase ON learning_materials (phase_id);
CREATE INDEX learning_materials_gap ON learning_materials (gap_id);

CREATE TABLE open_files (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    opened_by TEXT NOT NULL CHECK (opened_by IN ('user', 'claude')),
    opened_at TEXT NOT NULL,
    PRIMARY KEY (session_id, path)
) STRICT, WITHOUT ROWID;

-- What is shown in the editor and the explorer. A mark without lines is a hint at a file.
CREATE TABLE marks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    hint_id INTEGER REFERENCES phase_hints (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    line_start INTEGER CHECK (line_start >= 1),
    line_end INTEGER CHECK (line_end >= line_start),
    style TEXT NOT NULL CHECK (style IN ('suggested', 'required', 'info', 'hint', 'success', 'warning', 'error')),
    hover_text TEXT,
    origin TEXT NOT NULL CHECK (origin IN ('claude', 'phase')),
    rung INTEGER NOT NULL DEFAULT 2 CHECK (rung BETWEEN 1 AND 4),
    shown INTEGER NOT NULL DEFAULT 1 CHECK (shown IN (0, 1)),
    created_at TEXT NOT NULL,
    CHECK ((line_start IS NULL) = (line_end IS NULL))
) STRICT;
CREATE INDEX marks_session ON marks (session_id, path);
CREATE INDEX marks_hint ON marks (hint_id);

-- Unsaved work, kept beside the session: it belongs to the user, not to the coaching. A null `base_version`
-- means that the file did not exist on disk.
CREATE TABLE buffer_backups (
    project_dir TEXT NOT NULL,
    path TEXT NOT NULL,
    content TEXT NOT NULL,
    cursor_line INTEGER CHECK (cursor_line >= 1),
    cursor_column INTEGER CHECK (cursor_column >= 1),
    base_version TEXT,
    dirty INTEGER NOT NULL DEFAULT 1 CHECK (dirty IN (0, 1)),
    updated_at TEXT NOT NULL,
    UNIQUE (project_dir, path),
    CHECK ((cursor_line IS NULL) = (cursor_column IS NULL))
) STRICT;

CREATE TABLE texts (
    hash TEXT PRIMARY KEY,
    content TEXT NOT NULL
) STRICT;

-- What a file was at its first opening or change within a session (null `phase_id`) or a phase. A null `hash`
-- means that the file did not exist.
CREATE TABLE previous_texts (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    phase_id INTEGER REFERENCES phases (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    hash TEXT REFERENCES texts (hash),
    kept_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX previous_texts_once ON previous_texts (session_id, ifnull(phase_id, 0), path);
CREATE INDEX previous_texts_phase ON previous_texts (phase_id);
CREATE INDEX previous_texts_hash ON previous_texts (hash);

CREATE TABLE mcp_sessions (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (json_valid(state)),
    created_at TEXT NOT NULL,
    last_used_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mcp_sessions_last_used ON mcp_sessions (last_used_at);
