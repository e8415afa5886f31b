-- What the Observer keeps of a session over a restart: whether it is muted, when it last nudged and asked, what
-- it counts, and how often it has nudged for what in the present phase.
CREATE TABLE observers (
    session_id INTEGER PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    muted INTEGER NOT NULL DEFAULT 0 CHECK (muted IN (0, 1)),
    last_nudge_at TEXT,
    last_evaluation_at TEXT,
    buffer_updates INTEGER NOT NULL DEFAULT 0 CHECK (buffer_updates >= 0),
    explain_requests INTEGER NOT NULL DEFAULT 0 CHECK (explain_requests >= 0),
    nudges TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(nudges) AND json_type(nudges) = 'object')
) STRICT;
