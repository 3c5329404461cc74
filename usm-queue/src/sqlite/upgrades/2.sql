-- From version 1 to 2. A program of version 1 that has the file open goes on working: only add, and only what it may
-- leave empty.

ALTER TABLE queues ADD COLUMN ready INTEGER;

ALTER TABLE jobs ADD COLUMN digest INTEGER;
ALTER TABLE jobs ADD COLUMN remember INTEGER;

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
