-- From version 1 to 2. A program of version 1 that has the file open goes on working: only add, and only what it may
-- leave empty.

ALTER TABLE queues ADD COLUMN ready INTEGER;
