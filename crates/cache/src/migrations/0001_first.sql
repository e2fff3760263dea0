-- Schema 1. Append-only: a later schema is a later file.
-- JSON is kept as the text that arrived or was written; nothing is parsed to be stored.
-- Times are milliseconds since 1970-01-01T00:00:00Z unless a comment says otherwise.

-- Patients get a number, so that what belongs to one patient can lie side by side.
CREATE TABLE compartment (
  slot      INTEGER PRIMARY KEY,     -- the number, from 1; 0 stands for "in no patient's compartment"
  patient   TEXT NOT NULL UNIQUE     -- logical id of the Patient
) STRICT;

-- The records as the user sees them: with what was changed here and not confirmed yet.
CREATE TABLE resource (
  place     INTEGER PRIMARY KEY,     -- slot << 30 | type number << 24 | running number: the clustering key
  type      TEXT NOT NULL,           -- FHIR resource type
  id        TEXT NOT NULL,           -- logical id
  version   INTEGER NOT NULL,        -- last version of the server known here; 0 before the server had it
  updated   INTEGER NOT NULL,        -- meta.lastUpdated of that version; time of the edit before there is one
  json      TEXT NOT NULL,           -- the resource
  UNIQUE (id, type)
) STRICT;

-- What the lists show of a patient, ready to draw.
CREATE TABLE patient_card (
  slot      INTEGER PRIMARY KEY,     -- compartment.slot
  id        TEXT NOT NULL,           -- logical id
  name      TEXT NOT NULL,           -- name for people, in its own script
  sort      TEXT NOT NULL,           -- family name first, normalised: the order of lists
  birth     TEXT,                    -- birthDate as written
  died      TEXT,                    -- deceasedDateTime as written, 'yes' for deceasedBoolean
  sex       TEXT,                    -- administrative gender code
  mrn       TEXT,                    -- medical record number
  phone     TEXT,                    -- first telephone number
  terms     TEXT NOT NULL            -- all search terms, each with a space before it
) STRICT;
CREATE INDEX patient_card_sort ON patient_card (sort);

-- Search terms: a covering index. Name terms carry the patient's other terms along, so that a
-- second word is checked without another look-up.
CREATE TABLE patient_term (
  kind      INTEGER NOT NULL,        -- 0 name, 1 birth date (yyyymmdd), 2 record number, 3 telephone
  term      TEXT NOT NULL,           -- normalised: no marks, lower case, digits alone for dates and telephones
  slot      INTEGER NOT NULL,        -- compartment.slot
  terms     TEXT,                    -- patient_card.terms, for kind 0
  PRIMARY KEY (kind, term, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX patient_term_slot ON patient_term (slot);

-- When a patient was last seen in an encounter.
CREATE TABLE patient_seen (
  slot      INTEGER PRIMARY KEY,     -- compartment.slot
  day       TEXT NOT NULL            -- latest Encounter.period.start, as written
) STRICT;

-- Patients whose charts were opened here.
CREATE TABLE recent (
  patient   TEXT PRIMARY KEY,        -- logical id
  opened    INTEGER NOT NULL         -- when, last
) STRICT, WITHOUT ROWID;
CREATE INDEX recent_opened ON recent (opened);

-- Appointments and Slots by time.
CREATE TABLE calendar (
  type      TEXT NOT NULL,           -- Appointment or Slot
  start     INTEGER NOT NULL,        -- start
  place     INTEGER NOT NULL,        -- resource.place
  until     INTEGER NOT NULL,        -- end
  PRIMARY KEY (type, start, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX calendar_place ON calendar (place);
-- The few that last longer than a day, so that the window query looks back one day only.
CREATE INDEX calendar_long ON calendar (type, until) WHERE until - start > 86400000;

-- Who takes part in an appointment.
CREATE TABLE calendar_actor (
  actor     TEXT NOT NULL,           -- reference such as Practitioner/17
  start     INTEGER NOT NULL,        -- start of the appointment
  place     INTEGER NOT NULL,        -- resource.place
  PRIMARY KEY (actor, start, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX calendar_actor_place ON calendar_actor (place);

-- Full text of notes and problems. Keeps the index alone: the text is in the record.
CREATE VIRTUAL TABLE passage USING fts5 (
  body,                              -- words; scripts without spaces have one put between characters
  content = '', contentless_delete = 1, detail = full,
  tokenize = "unicode61 remove_diacritics 2"
);

-- Changes made here, each sent whole, oldest first.
CREATE TABLE outbox (
  seq       INTEGER PRIMARY KEY AUTOINCREMENT, -- order of making
  key       TEXT NOT NULL UNIQUE,    -- idempotency key (UUID)
  made      INTEGER NOT NULL,        -- when it was made
  state     INTEGER NOT NULL,        -- 1 saved here, 2 sent, 3 in conflict, 4 refused
  tries     INTEGER NOT NULL,        -- times it was handed to the network
  code      TEXT,                    -- stable code of a refusal
  outcome   TEXT,                    -- OperationOutcome of a refusal
  label     TEXT NOT NULL            -- what kind of change, a stable code for lists
) STRICT;

-- The records of a change.
CREATE TABLE outbox_record (
  seq       INTEGER NOT NULL REFERENCES outbox (seq) ON DELETE CASCADE, -- the change
  line      INTEGER NOT NULL,        -- order within the change
  type      TEXT NOT NULL,           -- FHIR resource type
  id        TEXT NOT NULL,           -- logical id
  base_version INTEGER,              -- version the change was made on; 0 creates; null until an earlier change is confirmed
  base      TEXT,                    -- the resource before the change; null creates
  mine      TEXT,                    -- the resource after the change; null deletes
  theirs_version INTEGER,            -- newest version seen since, where it could not be merged yet
  theirs_updated INTEGER,            -- its meta.lastUpdated
  theirs    TEXT,                    -- its resource; null with a version: deleted there
  PRIMARY KEY (seq, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_record_id ON outbox_record (id, type);

-- Two versions that touch; both are in outbox_record until a person has chosen.
CREATE TABLE conflict (
  id        TEXT PRIMARY KEY,        -- conflict id (UUID)
  seq       INTEGER NOT NULL,        -- outbox_record.seq
  line      INTEGER NOT NULL,        -- outbox_record.line
  found     INTEGER NOT NULL,        -- when it was found
  UNIQUE (seq, line),
  FOREIGN KEY (seq, line) REFERENCES outbox_record (seq, line) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Where this device's audit chain stands.
CREATE TABLE chain (
  one       INTEGER PRIMARY KEY CHECK (one = 1), -- there is one row
  number    INTEGER NOT NULL,        -- number of the last link
  hash      TEXT NOT NULL,           -- hash of the last link, hex
  acknowledged INTEGER NOT NULL      -- number of the last link that the server has
) STRICT;

-- Audit links: to be sent, and the newest of those that were.
CREATE TABLE audit_queue (
  number    INTEGER PRIMARY KEY,     -- number in the chain
  link      TEXT NOT NULL            -- ledger::chain::Link, JSON
) STRICT;

-- What was typed and not signed yet.
CREATE TABLE draft (
  id        TEXT PRIMARY KEY,        -- draft id (UUID)
  patient   TEXT NOT NULL,           -- logical id of the Patient
  body      TEXT NOT NULL,           -- content, JSON; its shape is the screen's business
  begun     INTEGER NOT NULL,        -- first kept
  changed   INTEGER NOT NULL         -- last kept
) STRICT, WITHOUT ROWID;
CREATE INDEX draft_patient ON draft (patient);

-- Entries of sync pages that could not be read.
CREATE TABLE quarantine (
  id        TEXT NOT NULL,           -- logical id as the page gave it
  type      TEXT NOT NULL,           -- resource type as the page gave it
  version   INTEGER NOT NULL,        -- version
  reason    TEXT NOT NULL,           -- stable reason code
  arrived   INTEGER NOT NULL,        -- when
  json      TEXT,                    -- what came
  PRIMARY KEY (id, type)
) STRICT, WITHOUT ROWID;

-- How far the feed was read.
CREATE TABLE feed (
  one       INTEGER PRIMARY KEY CHECK (one = 1), -- there is one row
  cursor    TEXT,                    -- position after the last stored page; null: from the beginning
  filled    INTEGER NOT NULL,        -- 1 once the feed was read to its end
  stored    INTEGER NOT NULL,        -- entries stored since the beginning
  remaining INTEGER NOT NULL,        -- the server's estimate of what is to come
  restarted INTEGER NOT NULL,        -- 1 while the feed is read again because the server's epoch changed
  confirmed INTEGER                  -- when nothing was left to send or fetch, last
) STRICT;

-- Preferences and small facts.
CREATE TABLE setting (
  name      TEXT PRIMARY KEY,        -- name
  value     TEXT NOT NULL            -- JSON
) STRICT, WITHOUT ROWID;

INSERT INTO feed (one, cursor, filled, stored, remaining, restarted) VALUES (1, NULL, 0, 0, 0, 0);
