-- What workstations may keep: charts of patients who have to do with the user, no others.

ALTER TABLE tenant
  ADD COLUMN scope_days_ahead integer NOT NULL DEFAULT 7 CHECK (scope_days_ahead BETWEEN 0 AND 7),
  ADD COLUMN scope_days_behind integer NOT NULL DEFAULT 30 CHECK (scope_days_behind BETWEEN 0 AND 30);
COMMENT ON COLUMN tenant.scope_days_ahead IS 'So many days before an appointment its patient''s chart is on the practitioner''s workstation; no longer than policy relates the two.';
COMMENT ON COLUMN tenant.scope_days_behind IS 'So many days after an appointment its patient''s chart stays there.';

CREATE TABLE feed_charts (
  tenant  uuid        NOT NULL,
  account uuid        NOT NULL,
  device  uuid        NOT NULL,
  number  bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
  made_at timestamptz NOT NULL,
  held    text[]      NOT NULL,
  wanted  text[]      NOT NULL,
  PRIMARY KEY (tenant, account, device, number)
);
COMMENT ON TABLE feed_charts IS 'Which charts a workstation was sent: a row for each change, until a cursor comes that names a later one.';
COMMENT ON COLUMN feed_charts.tenant IS 'The clinic.';
COMMENT ON COLUMN feed_charts.account IS 'The user.';
COMMENT ON COLUMN feed_charts.device IS 'The workstation; all zeros for a token without one.';
COMMENT ON COLUMN feed_charts.number IS 'Names the row in cursors.';
COMMENT ON COLUMN feed_charts.made_at IS 'When the change was noticed.';
COMMENT ON COLUMN feed_charts.held IS 'Charts that were on the workstation before: patients'' logical ids, with |types where a consent opens those alone.';
COMMENT ON COLUMN feed_charts.wanted IS 'Charts that are to be there after, alike.';
SELECT wall_in('feed_charts');
GRANT SELECT, INSERT, DELETE ON feed_charts TO rounds_app;

-- What belongs to no patient is little, and lies between much that does.
CREATE INDEX resource_loose ON resource (tenant, resource_type, id) WHERE patient IS NULL;
COMMENT ON INDEX resource_loose IS 'Records that belong to no patient, for the feed.';

CREATE TABLE set_aside (
  tenant      uuid             NOT NULL,
  id          uuid             NOT NULL,
  account     uuid             NOT NULL,
  device      uuid             NOT NULL,
  patient     text COLLATE "C",
  profile     text COLLATE "C" NOT NULL,
  made_at     timestamptz      NOT NULL,
  received_at timestamptz      NOT NULL,
  sealed      bytea            NOT NULL,
  PRIMARY KEY (tenant, id)
);
COMMENT ON TABLE set_aside IS 'Work that was not sent when its chart left a workstation, append-only.';
COMMENT ON COLUMN set_aside.tenant IS 'The clinic.';
COMMENT ON COLUMN set_aside.id IS 'Name of it, given by the workstation.';
COMMENT ON COLUMN set_aside.account IS 'Whose work it is.';
COMMENT ON COLUMN set_aside.device IS 'The workstation it comes from.';
COMMENT ON COLUMN set_aside.patient IS 'Logical id of the Patient whose chart left; none where it is of several or none.';
COMMENT ON COLUMN set_aside.profile IS 'Name of the profile''s folder: what the seal is bound to.';
COMMENT ON COLUMN set_aside.made_at IS 'When the workstation set it aside.';
COMMENT ON COLUMN set_aside.received_at IS 'When it came.';
COMMENT ON COLUMN set_aside.sealed IS 'The work, sealed by HPKE to the organisation''s recovery key: nobody here can open it.';
CREATE TRIGGER set_aside_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON set_aside
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT wall_in('set_aside');
GRANT SELECT, INSERT ON set_aside TO rounds_app;
