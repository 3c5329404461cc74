-- Times are microseconds since 1970-01-01 UTC.

CREATE TABLE exchanges (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE queues (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    arguments TEXT NOT NULL,         -- JSON object, compared when a process declares the queue again
    ready     INTEGER                -- messages that wait and are due; counted where the length is limited
) STRICT;

-- Processes that hold deliveries. One that misses its time is dead, and its deliveries go back.
CREATE TABLE members (
    id          INTEGER PRIMARY KEY,
    alive_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    id         INTEGER PRIMARY KEY,  -- place in the queue: the time of arrival, made unique
    queue      INTEGER NOT NULL,
    priority   INTEGER NOT NULL,
    due_at     INTEGER,              -- set while delayed
    expires_at INTEGER,
    holder     INTEGER,              -- the member it is delivered to
    delivered  INTEGER NOT NULL DEFAULT 0,
    message_id TEXT NOT NULL,
    envelope   TEXT NOT NULL,        -- JSON: everything but id and body
    body       BLOB NOT NULL,
    job        BLOB                  -- the job of a message that came delayed, where it tells
) STRICT;

CREATE INDEX messages_ready ON messages (queue, priority DESC, id) WHERE holder IS NULL AND due_at IS NULL;
CREATE INDEX messages_delayed ON messages (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX messages_held ON messages (holder) WHERE holder IS NOT NULL;
CREATE INDEX messages_of_job ON messages (job) WHERE job IS NOT NULL AND due_at IS NOT NULL;
CREATE INDEX messages_expiring ON messages (expires_at) WHERE expires_at IS NOT NULL AND holder IS NULL AND due_at IS NULL;

CREATE TABLE jobs (
    id               BLOB PRIMARY KEY,
    task             TEXT NOT NULL,
    owner            TEXT,                       -- JSON: number or string
    status           INTEGER NOT NULL,           -- 0 pending, 1 processing, 2 completed, 3 failed, 4 cancelled
    priority         INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    max_attempts     INTEGER NOT NULL,
    token            INTEGER NOT NULL DEFAULT 0, -- grows with every claim; older ones are refused
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    next_attempt_at  INTEGER,
    lease_until      INTEGER,
    finished_at      INTEGER,
    expires_at       INTEGER,                    -- set when finished: the record may go then
    worker           TEXT,
    correlation_id   TEXT,
    metadata         TEXT,
    error            TEXT,
    progress         TEXT,
    result           TEXT,
    partial_results  TEXT NOT NULL DEFAULT '',   -- of programs of version 1: one JSON value a line
    -- One JSON array a line: [at, event, attempt, worker, error], behind a line with the version that it made. Begins with
    -- "enqueued" at created_at where it does not tell how the record came to be. {"left_out": n} stands for n entries.
    timeline         TEXT NOT NULL,
    digest           INTEGER,                    -- tells the payload from others, where the caller chose the id
    remember         INTEGER,                    -- how long after its end it is known that the job ended; NULL for 7 days
    progress_version INTEGER,                    -- the version that the progress made
    partials         INTEGER,                    -- how many rows of partial_results; NULL for none
    partial_bytes    INTEGER,                    -- their size
    alias            TEXT,                       -- what another service calls the job
    queue            TEXT NOT NULL DEFAULT '',   -- empty where it is not known
    tags             TEXT,                       -- JSON array, where there are some
    -- 0 waiting, 1 scheduled, 2 retrying, 3 running, 4 completed, 5 failed, 6 cancelled; 7 in rows of older programs
    state            INTEGER NOT NULL DEFAULT 7,
    trace            TEXT,                       -- JSON: the span that enqueued it
    generations      TEXT,                       -- which of its messages counts; NULL where it was never edited
    carried          TEXT                        -- JSON: what its messages carry besides; NULL for nothing
) STRICT, WITHOUT ROWID;

-- The partial results of jobs; their numbers are the versions they made.
CREATE TABLE partial_results (
    job    BLOB NOT NULL,
    number INTEGER NOT NULL,
    value  TEXT NOT NULL,                        -- JSON
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

-- They go with the record, whoever removes it.
CREATE TRIGGER partial_results_of_removed AFTER DELETE ON jobs WHEN old.partials IS NOT NULL BEGIN
    DELETE FROM partial_results WHERE job = old.id;
END;

CREATE INDEX jobs_expiring ON jobs (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX jobs_of_alias ON jobs (alias, created_at) WHERE alias IS NOT NULL;
CREATE INDEX jobs_to_stop ON jobs (id) WHERE cancel_requested = 1 AND status = 1;

-- Ended jobs whose records are gone: no message of one may run it again.
CREATE TABLE ended (
    id        BLOB PRIMARY KEY,
    status    INTEGER NOT NULL,
    digest    INTEGER,
    forget_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ended_forgotten ON ended (forget_at);

-- Jobs whose messages another broker has not confirmed.
CREATE TABLE unconfirmed (
    id    BLOB PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Jobs whose workers died in their present attempt.
CREATE TABLE crashes (
    job         BLOB PRIMARY KEY,
    count       INTEGER NOT NULL,  -- in a row
    alone_until INTEGER            -- a lease that ends then or earlier was last renewed while the job was tried alone
) STRICT, WITHOUT ROWID;

-- Finding and counting jobs. Each index has the order of lists; `state` follows the status, and time: maintenance moves what is
-- due from 1 and 2 to 0.
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

-- How many rows of `jobs` there are of each queue, task and state; every transaction that changes these rows changes it too.
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

-- Workers that live, as they tell of themselves.
CREATE TABLE workers (
    id          TEXT PRIMARY KEY,
    info        TEXT NOT NULL,     -- JSON
    alive_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What operators want of queues: no row for nothing.
CREATE TABLE queue_controls (
    queue       TEXT PRIMARY KEY,
    paused_by   TEXT,              -- NULL while it is not paused
    paused_at   INTEGER,
    concurrency INTEGER            -- jobs at once in each worker; NULL for the worker's own
) STRICT, WITHOUT ROWID;

-- Small values that all processes share.
CREATE TABLE notes (
    key        TEXT PRIMARY KEY,
    value      TEXT NOT NULL,                    -- JSON
    version    INTEGER NOT NULL,                 -- grows with every change
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX notes_expiring ON notes (expires_at) WHERE expires_at IS NOT NULL;
