-- From version 1 to 2. A program of version 1 that has the file open goes on working: only add, and only what it may
-- leave empty.

ALTER TABLE queues ADD COLUMN ready INTEGER;

ALTER TABLE jobs ADD COLUMN digest INTEGER;
ALTER TABLE jobs ADD COLUMN remember INTEGER;
ALTER TABLE jobs ADD COLUMN alias TEXT;

-- Partial results have rows of their own; those that are there stay where they are.
ALTER TABLE jobs ADD COLUMN progress_version INTEGER;
ALTER TABLE jobs ADD COLUMN partials INTEGER;
ALTER TABLE jobs ADD COLUMN partial_bytes INTEGER;
CREATE TABLE partial_results (
    job    BLOB NOT NULL,
    number INTEGER NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER partial_results_of_removed AFTER DELETE ON jobs WHEN old.partials IS NOT NULL BEGIN
    DELETE FROM partial_results WHERE job = old.id;
END;

CREATE TABLE ended (
    id        BLOB PRIMARY KEY,
    status    INTEGER NOT NULL,
    digest    INTEGER,
    forget_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ended_forgotten ON ended (forget_at);

CREATE TABLE unconfirmed (
    id    BLOB PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE crashes (
    job         BLOB PRIMARY KEY,
    count       INTEGER NOT NULL,
    alone_until INTEGER
) STRICT, WITHOUT ROWID;
-- Lists are sorted by the time of creation.
DROP INDEX jobs_of_owner;
DROP INDEX jobs_ended_badly;
CREATE INDEX jobs_open ON jobs (created_at, id, task, finished_at) WHERE finished_at IS NULL;
CREATE INDEX jobs_ended ON jobs (status, created_at, id, task, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_open_of_owner ON jobs (owner, created_at, id, task, finished_at) WHERE finished_at IS NULL AND owner IS NOT NULL;
CREATE INDEX jobs_ended_of_owner ON jobs (owner, status, created_at, id, task, finished_at)
    WHERE finished_at IS NOT NULL AND owner IS NOT NULL;

CREATE INDEX jobs_of_alias ON jobs (alias, created_at) WHERE alias IS NOT NULL;

-- The job of each delayed message, so that both end together. Those that were there before are filled in where the
-- message's id names the job, as in the messages of this library.
ALTER TABLE messages ADD COLUMN job BLOB;
UPDATE messages SET job = unhex(replace(message_id, '-', ''))
WHERE due_at IS NOT NULL AND length(message_id) = 36 AND length(unhex(replace(message_id, '-', ''))) = 16
    AND json_extract(iif(json_valid(envelope), envelope, '{}'), '$.headers."x-usm-task"') IS NOT NULL
    AND json_extract(iif(json_valid(envelope), envelope, '{}'), '$.headers."x-usm-job-id"') IS NULL;
CREATE INDEX messages_of_job ON messages (job) WHERE job IS NOT NULL AND due_at IS NOT NULL;
