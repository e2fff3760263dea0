-- Schema 7. Which life of the server's database this cache has read.

ALTER TABLE feed ADD COLUMN
  life      TEXT;                    -- as the last page named it; null: none did

-- A server that holds less of the chain than it acknowledged is read again from the beginning.
UPDATE feed SET cursor = NULL, stored = 0, remaining = 0, restarted = 1 WHERE lost = 1;

-- Sealed work stays here for a while after the server has it: a server that is restored loses it.
ALTER TABLE set_aside ADD COLUMN
  noted     INTEGER NOT NULL DEFAULT 0; -- 1 once the user has taken note that it was handed over

-- chart.state has two more values: 3 the patient was registered from here, and the server has not
-- named the chart; 4 the same, after the feed ended once since the server has the patient.
