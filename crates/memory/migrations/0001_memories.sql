PRAGMA application_id = 1346455373; -- "PAGM"

-- The record of what is remembered. Everything else (the words' index here, the vectors, a Chroma
-- collection) can be made anew from `content`.
CREATE TABLE memories (
    -- The key of the index of words; never given out twice.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    -- What the caller named it by, so that the same memory is added once.
    given_key TEXT UNIQUE,
    content TEXT NOT NULL CHECK (content <> ''),
    session_id INTEGER NOT NULL,
    project_dir TEXT NOT NULL,
    created_at TEXT NOT NULL,
    kind TEXT NOT NULL,
    importance TEXT NOT NULL CHECK (importance IN ('low', 'medium', 'high')),
    -- Joined by commas; no tag has one.
    tags TEXT NOT NULL,
    -- A unit vector of f32, little endian, and the model that made it; both or none.
    embedding BLOB,
    embedded_by TEXT,
    -- Whether the Chroma server has it with this embedding, as far as we know.
    indexed INTEGER NOT NULL DEFAULT 0 CHECK (indexed IN (0, 1)),
    CHECK ((embedding IS NULL) = (embedded_by IS NULL))
) STRICT;

CREATE INDEX memories_by_project ON memories (project_dir);
CREATE INDEX memories_by_session ON memories (session_id);
CREATE INDEX memories_not_indexed ON memories (number) WHERE indexed = 0;

CREATE VIRTUAL TABLE memory_words USING fts5 (
    content,
    tags,
    content = 'memories',
    content_rowid = 'number',
    tokenize = 'porter unicode61 remove_diacritics 2'
);
-- What is forgotten leaves the index at once, not when its segments are next merged.
INSERT INTO memory_words (memory_words, rank) VALUES ('secure-delete', 1);

CREATE TRIGGER memories_added AFTER INSERT ON memories BEGIN
    INSERT INTO memory_words (rowid, content, tags) VALUES (new.number, new.content, new.tags);
END;

CREATE TRIGGER memories_forgotten AFTER DELETE ON memories BEGIN
    INSERT INTO memory_words (memory_words, rowid, content, tags)
    VALUES ('delete', old.number, old.content, old.tags);
END;

-- What tells this record from others that fill the same Chroma collection.
CREATE TABLE record (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL
) STRICT;
INSERT INTO record (one, id) VALUES (1, lower(hex(randomblob(16))));
