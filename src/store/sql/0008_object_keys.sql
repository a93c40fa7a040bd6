-- `key` is half of the object's `ObjectKey` (`keys.rs`), by which those are found of whom only that is known. A table of its own
-- at first: with longer rows in the old one every page would be split.
CREATE TABLE objects_with_keys (
    job     INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    anchor  ANY NOT NULL,
    target  ANY,
    used    INTEGER NOT NULL,
    flags   INTEGER NOT NULL,
    left_at INTEGER,
    key     INTEGER NOT NULL,
    PRIMARY KEY (job, anchor)
) STRICT, WITHOUT ROWID;
