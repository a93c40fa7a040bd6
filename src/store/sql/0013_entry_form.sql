-- Entries of the log are packed in another form from here on, which older versions must not try to read.
-- What is known of people says from here on who of them is deleted: what was kept before does not, and is read anew.
DELETE FROM known_attributes;
