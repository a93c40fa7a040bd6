-- References that are still to be set, such as a manager without an account (service.md 15, D-44). `wanted` is the anchor
-- of the other object; none where the reference is to be cleared.
CREATE TABLE pending_references (
    job       INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    anchor    ANY NOT NULL,
    attribute TEXT NOT NULL,
    wanted    ANY,
    PRIMARY KEY (job, anchor, attribute)
) STRICT, WITHOUT ROWID;

-- The members of each group as they were last exported, and what is still to be sent (D-41); `state` is packed
-- (`memberships.rs`): 0 to be added, 1 exported, 2 to be removed, 3 its addition was refused, 4 its removal was refused.
CREATE TABLE memberships (
    job    INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    holder ANY NOT NULL,
    member ANY NOT NULL,
    state  INTEGER NOT NULL,
    PRIMARY KEY (job, holder, member)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_open ON memberships (job, holder, state, member) WHERE state <> 1;
CREATE INDEX memberships_by_member ON memberships (job, member);

-- What each group holds in the source, itself included, where nested groups are flattened (`nested.rs`); `whole` says that
-- nothing of the list is missing.
CREATE TABLE direct_members (
    job    INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    holder ANY NOT NULL,
    member ANY NOT NULL,
    whole  INTEGER NOT NULL,
    PRIMARY KEY (job, holder, member)
) STRICT, WITHOUT ROWID;

CREATE INDEX direct_members_by_member ON direct_members (job, member);

-- Groups whose list changed since members were last flattened.
CREATE TABLE regrouped (
    job    INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    holder ANY NOT NULL,
    PRIMARY KEY (job, holder)
) STRICT, WITHOUT ROWID;
