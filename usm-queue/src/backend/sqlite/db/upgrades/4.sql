-- From version 3 to 4. A program of version 3 that has the file open goes on working: only add, and only what it may
-- leave empty.

-- Waiting jobs that are edited.
ALTER TABLE jobs ADD COLUMN generations TEXT;
ALTER TABLE jobs ADD COLUMN carried TEXT;
