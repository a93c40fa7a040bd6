-- A job of which no reference or member can be sent before `until` (milliseconds since 1970), so that no cycle has to look
-- through those that wait; 0 while the look that finds it out goes on. Ended by every write about objects (`writer.rs`).
CREATE TABLE references_rest (
    job   INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    until INTEGER NOT NULL
) STRICT;
