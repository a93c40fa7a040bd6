-- What is known, packed as `packed.rs` says; `data` is empty then. What was known before stays as it is.
ALTER TABLE known_attributes ADD COLUMN packed BLOB;
