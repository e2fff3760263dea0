-- Who relates to which patient, what patients closed and opened, who took access on their own
-- word; and the wall between clinics behind every statement.
--
-- Relations and consents are kept beside the records that say so, in the same transaction: they
-- hold no more than ids, kinds and times. What is over when it is written is not kept.

CREATE TABLE relation (
  tenant      uuid             NOT NULL,
  source_type text COLLATE "C" NOT NULL,
  source_id   text COLLATE "C" NOT NULL,
  number      integer          NOT NULL,
  patient     text COLLATE "C" NOT NULL,
  party       text COLLATE "C" NOT NULL,
  kind        text COLLATE "C" NOT NULL,
  from_at     timestamptz      NOT NULL,
  until_at    timestamptz      NOT NULL,
  PRIMARY KEY (tenant, source_type, source_id, number),
  CHECK (kind IN ('assigned', 'care-team', 'appointment', 'visit', 'referral'))
);
CREATE INDEX relation_by_patient ON relation (tenant, patient, party);
CREATE INDEX relation_by_party ON relation (tenant, party, until_at, patient);
COMMENT ON TABLE relation IS 'Who relates to which patient, as current records say.';
COMMENT ON COLUMN relation.tenant IS 'The clinic.';
COMMENT ON COLUMN relation.source_type IS 'FHIR type of the record that says so.';
COMMENT ON COLUMN relation.source_id IS 'Logical id of that record.';
COMMENT ON COLUMN relation.number IS 'Counts what one record says, from 0.';
COMMENT ON COLUMN relation.patient IS 'Logical id of the Patient.';
COMMENT ON COLUMN relation.party IS 'Who: a reference (Practitioner/…, PractitionerRole/…, Organization/…), role:… or * for anybody.';
COMMENT ON COLUMN relation.kind IS 'How: assigned, care-team, appointment, visit, referral.';
COMMENT ON COLUMN relation.from_at IS 'From when it counts; -infinity: always did.';
COMMENT ON COLUMN relation.until_at IS 'Until when it counts, excluded; infinity: for good.';

CREATE TABLE consent_rule (
  tenant   uuid             NOT NULL,
  consent  text COLLATE "C" NOT NULL,
  number   integer          NOT NULL,
  patient  text COLLATE "C" NOT NULL,
  depth    smallint         NOT NULL CHECK (depth >= 0),
  permits  boolean          NOT NULL,
  parties  text[]           NOT NULL,
  types    text[]           NOT NULL,
  from_at  timestamptz      NOT NULL,
  until_at timestamptz      NOT NULL,
  PRIMARY KEY (tenant, consent, number)
);
CREATE INDEX consent_rule_by_patient ON consent_rule (tenant, patient);
COMMENT ON TABLE consent_rule IS 'What active Consents permit and deny, exception by exception.';
COMMENT ON COLUMN consent_rule.tenant IS 'The clinic.';
COMMENT ON COLUMN consent_rule.consent IS 'Logical id of the Consent.';
COMMENT ON COLUMN consent_rule.number IS 'Counts the rules of one Consent, from 0.';
COMMENT ON COLUMN consent_rule.patient IS 'Logical id of the Patient.';
COMMENT ON COLUMN consent_rule.depth IS '0 for the base rule, 1 for an exception to it, and so on; the deepest that fits decides.';
COMMENT ON COLUMN consent_rule.permits IS 'Whether it permits; it denies otherwise.';
COMMENT ON COLUMN consent_rule.parties IS 'Whom it is about, each as in relation.party.';
COMMENT ON COLUMN consent_rule.types IS 'FHIR types that it is about; empty for all.';
COMMENT ON COLUMN consent_rule.from_at IS 'From when it counts; -infinity: always did.';
COMMENT ON COLUMN consent_rule.until_at IS 'Until when it counts, excluded; infinity: for good.';

CREATE TABLE staff_party (
  tenant       uuid             NOT NULL,
  role_id      text COLLATE "C" NOT NULL,
  practitioner text COLLATE "C" NOT NULL,
  known_as     text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, role_id, known_as)
);
CREATE INDEX staff_party_by_practitioner ON staff_party (tenant, practitioner);
COMMENT ON TABLE staff_party IS 'What else records call a practitioner, as current PractitionerRoles say.';
COMMENT ON COLUMN staff_party.tenant IS 'The clinic.';
COMMENT ON COLUMN staff_party.role_id IS 'Logical id of the PractitionerRole.';
COMMENT ON COLUMN staff_party.practitioner IS 'Logical id of the Practitioner.';
COMMENT ON COLUMN staff_party.known_as IS 'Reference that means the practitioner too: PractitionerRole/… or Organization/….';

CREATE TABLE access_grant (
  tenant   uuid             NOT NULL,
  id       uuid             NOT NULL,
  account  uuid             NOT NULL,
  patient  text COLLATE "C" NOT NULL,
  kind     text COLLATE "C" NOT NULL,
  from_at  timestamptz      NOT NULL,
  until_at timestamptz      NOT NULL,
  device   uuid,
  key_id   uuid             NOT NULL,
  reason   bytea            NOT NULL,
  PRIMARY KEY (tenant, id),
  CHECK (kind IN ('justified', 'emergency'))
);
CREATE INDEX access_grant_by_account ON access_grant (tenant, account, until_at, patient);
COMMENT ON TABLE access_grant IS 'Access that users took on their own word: with a reason, or in an emergency. Append-only.';
COMMENT ON COLUMN access_grant.tenant IS 'The clinic.';
COMMENT ON COLUMN access_grant.id IS 'Id of the audit event that records it.';
COMMENT ON COLUMN access_grant.account IS 'Who took it.';
COMMENT ON COLUMN access_grant.patient IS 'Logical id of the Patient.';
COMMENT ON COLUMN access_grant.kind IS 'justified or emergency.';
COMMENT ON COLUMN access_grant.from_at IS 'From when it counts.';
COMMENT ON COLUMN access_grant.until_at IS 'Until when it counts, excluded.';
COMMENT ON COLUMN access_grant.device IS 'Workstation that recorded it; none when it was taken on line.';
COMMENT ON COLUMN access_grant.key_id IS 'Data key that sealed the reason.';
COMMENT ON COLUMN access_grant.reason IS 'The user''s words, sealed; bound to tenant and id.';
CREATE TRIGGER access_grant_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON access_grant
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE relation_due (
  tenant uuid        NOT NULL PRIMARY KEY,
  since  timestamptz NOT NULL
);
COMMENT ON TABLE relation_due IS 'Clinics whose records are older than the tables of relations: a starting server fills these and takes the row away.';
COMMENT ON COLUMN relation_due.tenant IS 'The clinic.';
COMMENT ON COLUMN relation_due.since IS 'When that was noticed.';
INSERT INTO relation_due (tenant, since)
  SELECT t.tenant, now() FROM tenant t
  WHERE EXISTS (SELECT FROM resource r WHERE r.tenant = t.tenant);

GRANT SELECT, INSERT, DELETE ON relation, consent_rule, staff_party TO rounds_app;
GRANT SELECT, INSERT ON access_grant TO rounds_app;
GRANT SELECT, DELETE ON relation_due TO rounds_app;

-- The second wall. Statements name the tenant; should one forget to, the database shows and takes
-- rows of the connection's own clinic alone. A connection that has not said which sees nothing.
--
-- The table `tenant` stays outside: a starting server learns its clinic from it. The owner stays
-- outside, too: it makes, migrates and backs up the database and never serves.
CREATE FUNCTION connected_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('rounds.tenant', true), '')::uuid;
COMMENT ON FUNCTION connected_tenant() IS 'The clinic of this connection (setting rounds.tenant); null when it was not said.';

CREATE FUNCTION wall_in(guarded regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
  -- As a subquery it is computed once for a statement, not once for a row.
  EXECUTE format(
    'CREATE POLICY own_tenant ON %s USING (tenant = (SELECT connected_tenant())) '
    'WITH CHECK (tenant = (SELECT connected_tenant()))', guarded);
END
$$;
COMMENT ON FUNCTION wall_in(regclass) IS
  'Lets a connection see and write rows of its own clinic alone. Migrations call it for each new table with a tenant.';

DO $$
DECLARE
  guarded regclass;
BEGIN
  FOR guarded IN
    SELECT c.oid::regclass FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
      AND c.relname <> 'tenant'
  LOOP
    PERFORM wall_in(guarded);
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION wall_in(regclass) FROM PUBLIC;
