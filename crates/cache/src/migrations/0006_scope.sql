-- What this computer may keep: charts come and go as a whole.

-- Patients whose charts are here: of all others the clinical records are not, or not all.
CREATE TABLE chart (
  patient   TEXT PRIMARY KEY,        -- logical id of the Patient
  state     INTEGER NOT NULL         -- 0 here; 1 not named yet by a feed that was begun again; 2 the same, of a server that was restored
) STRICT, WITHOUT ROWID;

-- What was kept before there was such a table: the feed names what of it stays.
INSERT INTO chart (patient, state) SELECT patient, 1 FROM compartment;

-- Work that was not sent when the chart it belongs to left, sealed to the organisation.
CREATE TABLE set_aside (
  id        TEXT PRIMARY KEY,        -- its name (UUID)
  patient   TEXT,                    -- logical id of the Patient; null where it is of several or none
  changes   INTEGER NOT NULL,        -- how many changes are in it
  drafts    INTEGER NOT NULL,        -- how many drafts
  records   INTEGER NOT NULL,        -- how many records that a restored server may have lost
  made      INTEGER NOT NULL,        -- when
  sealed    BLOB,                    -- sealed to the recovery key; null once the server has it
  handed    INTEGER                  -- when the server had it; null before
) STRICT, WITHOUT ROWID;
