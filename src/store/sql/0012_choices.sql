-- Which of several values of a single attribute was taken, by the attribute's name in the source.
CREATE TABLE choices (
    job       INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    anchor    ANY NOT NULL,
    attribute TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (job, anchor, attribute)
) STRICT, WITHOUT ROWID;
