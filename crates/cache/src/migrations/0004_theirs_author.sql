-- Who made the version that clashes with a change made here, for the person who chooses.

ALTER TABLE outbox_record ADD COLUMN
  theirs_author TEXT;                -- name for people of who made theirs; null where the server did not say
