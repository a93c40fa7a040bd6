-- The members that each run sent, a row a request, so that they can be given back (`rollback`); kept as long as the log.
-- `joined` and `gone` are packed lists of anchors (`sent.rs`).
CREATE TABLE sent_members (
    seq    INTEGER PRIMARY KEY,
    job    INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    cycle  TEXT NOT NULL,
    at     INTEGER NOT NULL,
    holder ANY NOT NULL,
    joined BLOB NOT NULL,
    gone   BLOB NOT NULL
) STRICT;

CREATE INDEX sent_members_by_cycle ON sent_members (job, cycle, holder);
CREATE INDEX sent_members_by_time ON sent_members (job, at);

-- A member that is sent again because its account may have lost the group has state 5 in `memberships`: nothing is to be given
-- back of it.

-- References as they were last exported: they are sent again when the other object has a new account (D-44).
CREATE TABLE exported_references (
    job       INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    anchor    ANY NOT NULL,
    attribute TEXT NOT NULL,
    wanted    ANY NOT NULL,
    PRIMARY KEY (job, anchor, attribute)
) STRICT, WITHOUT ROWID;

CREATE INDEX exported_references_by_wanted ON exported_references (job, wanted);
