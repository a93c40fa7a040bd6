-- What has outlived its retention is found without reading the log.
CREATE INDEX log_by_time ON log (job, at);
