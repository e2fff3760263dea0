-- Patients who may be one person, and those who are.

ALTER TABLE patient_card ADD COLUMN
  replaced_by TEXT;                  -- logical id of the Patient that replaced this one; null: none did
CREATE INDEX patient_card_replaced_by ON patient_card (replaced_by) WHERE replaced_by IS NOT NULL;
UPDATE patient_card SET replaced_by = (
  SELECT substr(json_extract(link.value, '$.other.reference'), 9)
  FROM resource r, json_each(r.json, '$.link') link
  WHERE r.type = 'Patient' AND r.id = patient_card.id
    AND json_extract(link.value, '$.type') = 'replaced-by'
    AND json_extract(link.value, '$.other.reference') LIKE 'Patient/%'
  LIMIT 1);

-- Patients who are new or changed, and were not compared with the others since.
CREATE TABLE to_compare (
  slot      INTEGER PRIMARY KEY      -- compartment.slot
) STRICT;
INSERT INTO to_compare SELECT slot FROM patient_card;

-- Pairs that are likely one person, as found when one of them was compared last.
CREATE TABLE alike (
  one       INTEGER NOT NULL,        -- compartment.slot, the smaller
  other     INTEGER NOT NULL,        -- compartment.slot, the greater
  PRIMARY KEY (one, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX alike_other ON alike (other);
