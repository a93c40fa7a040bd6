-- Open failures are counted at the end of every cycle, however many there are: from this index alone, their messages unread.
CREATE INDEX escrows_open ON escrows (job, reference) WHERE abandoned = 0;
