DROP TABLE objects;
ALTER TABLE objects_with_keys RENAME TO objects;
CREATE UNIQUE INDEX objects_by_target ON objects (job, target) WHERE target IS NOT NULL;
CREATE INDEX objects_by_leaving ON objects (job, left_at) WHERE left_at IS NOT NULL;
