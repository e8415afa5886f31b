-- What calls of a model need: a row for each attempt, whatever is repeated; and what is set aside for attempts
-- under way, so that a budget holds also for many at once.
ALTER TABLE api_call_log ADD COLUMN attempt_id TEXT;
CREATE UNIQUE INDEX api_call_log_attempt ON api_call_log (attempt_id) WHERE attempt_id IS NOT NULL;

CREATE TABLE reservations (
    attempt_id TEXT PRIMARY KEY,
    session_id INTEGER REFERENCES sessions (id) ON DELETE SET NULL,
    amount REAL NOT NULL CHECK (amount >= 0),
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the coach makes of a plan.
ALTER TABLE plans ADD COLUMN memory_connection TEXT;
ALTER TABLE plans ADD COLUMN estimated_difficulty TEXT
    CHECK (estimated_difficulty IN ('beginner', 'intermediate', 'advanced'));
ALTER TABLE phases ADD COLUMN teaching TEXT NOT NULL DEFAULT '{}'
    CHECK (json_valid(teaching) AND json_type(teaching) = 'object');

-- A kata is offered only once it has been shown to work.
ALTER TABLE kata_specs ADD COLUMN proof TEXT NOT NULL DEFAULT 'unproven' CHECK (proof IN ('unproven', 'proven'));

-- What a model proposed about a stage, and what the rule made of it.
CREATE TABLE stage_decisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER REFERENCES sessions (id) ON DELETE CASCADE,
    skill_area TEXT NOT NULL,
    proposed TEXT NOT NULL CHECK (proposed IN ('Novice', 'Advanced Beginner', 'Competent', 'Proficient', 'Expert')),
    proposed_confidence REAL NOT NULL CHECK (proposed_confidence BETWEEN 0 AND 1),
    evidence TEXT NOT NULL,
    independent_completions INTEGER NOT NULL CHECK (independent_completions >= 0),
    accepted INTEGER NOT NULL CHECK (accepted IN (0, 1)),
    decided TEXT NOT NULL CHECK (decided IN ('Novice', 'Advanced Beginner', 'Competent', 'Proficient', 'Expert')),
    reason TEXT NOT NULL,
    decided_at TEXT NOT NULL
) STRICT;
CREATE INDEX stage_decisions_session ON stage_decisions (session_id);
CREATE INDEX stage_decisions_area ON stage_decisions (skill_area, id);
