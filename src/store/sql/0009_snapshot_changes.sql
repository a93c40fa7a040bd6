-- How a snapshot differs from the one before it, by number; `data` is what `snapshots.rs` says. Of an export in which few records
-- changed this is all that is written.
CREATE TABLE snapshot_changes (
    job    INTEGER NOT NULL REFERENCES snapshots (job) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    data   BLOB NOT NULL,
    UNIQUE (job, number)
) STRICT;
