-- What an entry belongs to beyond its session: the call of a tool that made the change.
ALTER TABLE action_log ADD COLUMN call_id TEXT;
