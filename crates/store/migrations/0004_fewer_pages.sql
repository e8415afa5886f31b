-- A commit costs by the pages that it writes, and two were not needed. Times rise with the numbers of
-- entries, so a moment is found by number; and `streams` is not written with each push any more: `head`
-- and `bytes` are what was counted last, and the rows of `outbox` with larger numbers come on top.
DROP INDEX action_log_created;
