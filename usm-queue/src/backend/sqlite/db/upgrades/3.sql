-- From version 2 to 3. A program of version 2 that has the file open goes on working: only add, and only what it may
-- leave empty.

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
