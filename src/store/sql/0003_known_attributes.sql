-- What change files apply to (sources.md 16.1), of jobs whose source may bring some: the JSON of the last known object under its
-- 8-byte key, and of the raw LDIF entry under the 16-byte hash of its distinguished name;
-- under `memory` what the source remembers. Written with the watermark.
CREATE TABLE known_attributes (
    job  INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    key  BLOB NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (job, key)
) STRICT, WITHOUT ROWID;
