-- From version 2 to 3. A program of version 2 that has the file open goes on working: only add, and only what it may
-- leave empty.

ALTER TABLE jobs ADD COLUMN trace TEXT;

-- Finding and counting jobs. What such a program writes meanwhile is listed, but not counted.
ALTER TABLE jobs ADD COLUMN queue TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN tags TEXT;
ALTER TABLE jobs ADD COLUMN state INTEGER NOT NULL DEFAULT 7;
DROP INDEX jobs_open;
DROP INDEX jobs_ended;
DROP INDEX jobs_open_of_owner;
DROP INDEX jobs_ended_of_owner;
UPDATE jobs SET state = CASE status
    WHEN 0 THEN iif(next_attempt_at IS NULL, 0, iif(attempt > 0, 2, 1))
    WHEN 1 THEN 3
    ELSE status + 2
END;
CREATE INDEX jobs_listed ON jobs (queue, task, state, created_at, id);
CREATE INDEX jobs_of_owner ON jobs (owner, created_at, id) WHERE owner IS NOT NULL;
CREATE INDEX jobs_with_error ON jobs (created_at, id) WHERE error IS NOT NULL;
CREATE INDEX jobs_due ON jobs (next_attempt_at) WHERE state IN (1, 2);

CREATE TABLE job_tags (
    tag        TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    id         BLOB NOT NULL,
    PRIMARY KEY (tag, created_at, id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tags_of_removed AFTER DELETE ON jobs WHEN old.tags IS NOT NULL BEGIN
    DELETE FROM job_tags WHERE created_at = old.created_at AND id = old.id AND tag IN (SELECT value FROM json_each(old.tags));
END;

CREATE TABLE job_counts (
    queue     TEXT NOT NULL,
    task      TEXT NOT NULL,
    waiting   INTEGER NOT NULL,
    scheduled INTEGER NOT NULL,
    retrying  INTEGER NOT NULL,
    running   INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    PRIMARY KEY (queue, task)
) STRICT, WITHOUT ROWID;

INSERT INTO job_counts
SELECT queue, task, sum(state = 0), sum(state = 1), sum(state = 2), sum(state = 3), sum(state = 4), sum(state = 5), sum(state = 6)
FROM jobs GROUP BY queue, task;

-- Workers that live, and what operators want of queues.
CREATE TABLE workers (
    id          TEXT PRIMARY KEY,
    info        TEXT NOT NULL,
    alive_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE queue_controls (
    queue       TEXT PRIMARY KEY,
    paused_by   TEXT,
    paused_at   INTEGER,
    concurrency INTEGER
) STRICT, WITHOUT ROWID;

-- Small values that all processes share.
CREATE TABLE notes (
    key        TEXT PRIMARY KEY,
    value      TEXT NOT NULL,                    -- JSON
    version    INTEGER NOT NULL,                 -- grows with every change
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX notes_expiring ON notes (expires_at) WHERE expires_at IS NOT NULL;
