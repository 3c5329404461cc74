-- From version 2 to 3. A program of version 2 that has the file open goes on working: only add, and only what it may
-- leave empty.

ALTER TABLE jobs ADD COLUMN trace TEXT;
