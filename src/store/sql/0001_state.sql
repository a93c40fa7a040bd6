-- Facts about the file as a whole, such as the instance id.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a job; `state` is the JSON of `JobState`, written when a cycle begins and ends.
CREATE TABLE jobs (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL
) STRICT;

-- What the last accepted export looked like, record by record in file order (`delta::Snapshot`).
CREATE TABLE snapshots (
    job  INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    data BLOB NOT NULL
) STRICT;

-- One row for each source object that was evaluated, with its link. Keyed by anchor because cycles go in that order,
-- which keeps the pages full; GUIDs are stored as 16 bytes (`codec.rs`). `flags` is packed (`object.rs`).
CREATE TABLE objects (
    job     INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    anchor  ANY NOT NULL,
    target  ANY,
    used    INTEGER NOT NULL,
    flags   INTEGER NOT NULL,
    left_at INTEGER,
    PRIMARY KEY (job, anchor)
) STRICT, WITHOUT ROWID;

-- An account belongs to one source object (service.md D-26).
CREATE UNIQUE INDEX objects_by_target ON objects (job, target) WHERE target IS NOT NULL;

-- Those who wait for the end of their retention.
CREATE INDEX objects_by_leaving ON objects (job, left_at) WHERE left_at IS NOT NULL;

-- Values that are not read back from the target: hashes of write-only attributes, chosen unique values.
CREATE TABLE kept_values (
    job       INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    anchor    ANY NOT NULL,
    attribute TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (job, anchor, attribute)
) STRICT, WITHOUT ROWID;

-- Whoever works on an object holds a claim; a claim of a process that is gone is void.
CREATE TABLE claims (
    job    INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    anchor ANY NOT NULL,
    owner  TEXT NOT NULL,
    since  INTEGER NOT NULL,
    PRIMARY KEY (job, anchor)
) STRICT, WITHOUT ROWID;

-- Objects set aside after a failure (service.md 16.2); times are milliseconds since 1970.
CREATE TABLE escrows (
    job           INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    anchor        ANY NOT NULL,
    operation     TEXT NOT NULL,
    code          TEXT NOT NULL,
    class         TEXT NOT NULL,
    reference     INTEGER NOT NULL,
    first_failure INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    next_due      INTEGER,
    abandoned     INTEGER NOT NULL DEFAULT 0,
    message       TEXT NOT NULL,
    remedy        TEXT NOT NULL,
    PRIMARY KEY (job, anchor)
) STRICT, WITHOUT ROWID;

CREATE INDEX escrows_by_due ON escrows (job, next_due) WHERE next_due IS NOT NULL;

-- Deprovisionings that wait for approval (service.md 18).
CREATE TABLE staged (
    job    INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    anchor ANY NOT NULL,
    batch  TEXT NOT NULL,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    name   TEXT NOT NULL,
    PRIMARY KEY (job, anchor)
) STRICT, WITHOUT ROWID;

-- The provisioning log, oldest first; `entry` is the JSON of `model::Entry`, `names` what `--user` finds it by.
CREATE TABLE log (
    seq    INTEGER PRIMARY KEY,
    job    INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    cycle  TEXT NOT NULL,
    at     INTEGER NOT NULL,
    anchor ANY NOT NULL,
    action TEXT NOT NULL,
    status TEXT NOT NULL,
    entry  TEXT NOT NULL
) STRICT;

CREATE INDEX log_by_object ON log (job, anchor);
CREATE INDEX log_by_cycle ON log (job, cycle);

-- The cycles that ran; `report` is the JSON of what `cycle` printed, without its objects.
CREATE TABLE cycles (
    id     TEXT PRIMARY KEY,
    job    INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    began  INTEGER NOT NULL,
    ended  INTEGER,
    report TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX cycles_by_time ON cycles (job, began);
