-- Schema 2. What a server that was restored from a backup has lost.

-- Records that the feed has brought since it was begun again. What is here and not among them
-- when its end is reached, a restored server has lost.
CREATE TABLE feed_seen (
  id        TEXT NOT NULL,           -- logical id
  type      TEXT NOT NULL,           -- FHIR resource type
  PRIMARY KEY (id, type)
) STRICT, WITHOUT ROWID;

-- 1 from when the server was found to hold less of this device's chain than it had
-- acknowledged, until what it lost is in the outbox. Nothing is sent meanwhile.
ALTER TABLE feed ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;

-- chain.acknowledged as it was when the feed was begun again.
ALTER TABLE feed ADD COLUMN begun_at INTEGER NOT NULL DEFAULT 0;
