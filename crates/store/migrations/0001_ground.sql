-- The ground that every desk shares: who listens to which stream, and what was pushed on it.
-- `application_id` is "PAIG": it tells our file from any other program's paige.db.
PRAGMA application_id = 1346455879;

-- One row per project. `stream` is the random id that clients see; it lives as long as the file.
-- `head` is the newest number given out (kept here because pruning may leave no row in `outbox`),
-- `bytes` the size of the payloads kept; see also 0004.
CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    stream TEXT NOT NULL UNIQUE,
    project_dir TEXT NOT NULL UNIQUE,
    head INTEGER NOT NULL DEFAULT 0 CHECK (head >= 0),
    bytes INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0),
    created_at TEXT NOT NULL
) STRICT;

-- The payload is not checked to be JSON: it is serialised from a type, and may be a whole file.
CREATE TABLE outbox (
    stream_id INTEGER NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL CHECK (seq >= 1),
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    at TEXT NOT NULL,
    expires_at TEXT,
    PRIMARY KEY (stream_id, seq)
) STRICT, WITHOUT ROWID;
