-- What an entry says, packed as `packed.rs` says; `entry` is empty then. Entries of before stay as they are.
ALTER TABLE log ADD COLUMN packed BLOB;
