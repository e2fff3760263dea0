-- Charts that workstations ask for, charts that they had no room for, and how much room they have.

ALTER TABLE tenant ADD COLUMN cache_megabytes integer NOT NULL DEFAULT 4096
  CHECK (cache_megabytes BETWEEN 64 AND 1000000);
COMMENT ON COLUMN tenant.cache_megabytes IS 'Megabytes that the records on a workstation may take.';

CREATE TABLE chart_wish (
  tenant   uuid             NOT NULL,
  account  uuid             NOT NULL,
  device   uuid             NOT NULL,
  patient  text COLLATE "C" NOT NULL,
  wanted   boolean          NOT NULL,
  asked_at timestamptz      NOT NULL,
  until_at timestamptz      NOT NULL,
  PRIMARY KEY (tenant, account, device, patient)
);
COMMENT ON TABLE chart_wish IS 'Charts that a workstation asked for, and charts that made room on it.';
COMMENT ON COLUMN chart_wish.tenant IS 'The clinic.';
COMMENT ON COLUMN chart_wish.account IS 'The user.';
COMMENT ON COLUMN chart_wish.device IS 'The workstation.';
COMMENT ON COLUMN chart_wish.patient IS 'Logical id of the Patient.';
COMMENT ON COLUMN chart_wish.wanted IS 'Whether it was asked for; it made room otherwise.';
COMMENT ON COLUMN chart_wish.asked_at IS 'When.';
COMMENT ON COLUMN chart_wish.until_at IS 'Until when it counts, excluded.';
SELECT wall_in('chart_wish');
GRANT SELECT, INSERT, UPDATE, DELETE ON chart_wish TO rounds_app;
