-- The clinic's records: versions, pointers to the current ones, sealed identity, search.
--
-- Every table starts with the tenant. What a person could be known by is sealed or a keyed
-- hash; plain columns are ids, codes of this program, clinical dates and appointment times.

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- The group role of the serving program. A login role is made by `rounds-server init`.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rounds_app') THEN
    CREATE ROLE rounds_app NOLOGIN;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  -- Another database of this cluster made it at the same moment.
  NULL;
END
$$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION refuse_change() IS
  'Trigger of append-only tables: refuses update, delete and truncate to everybody, the owner too.';

CREATE TABLE tenant (
  tenant              uuid        PRIMARY KEY,
  name                text        NOT NULL,
  time_zone           text        NOT NULL,
  recovery_public_key text        NOT NULL,
  epoch               uuid        NOT NULL,
  index_key           bytea       NOT NULL,
  created_at          timestamptz NOT NULL
);
COMMENT ON TABLE tenant IS 'One clinic.';
COMMENT ON COLUMN tenant.tenant IS 'Id of the clinic; first column of every other table.';
COMMENT ON COLUMN tenant.name IS 'Name of the clinic, for people.';
COMMENT ON COLUMN tenant.time_zone IS 'IANA name of the clinic''s time zone; today is the clinic''s.';
COMMENT ON COLUMN tenant.recovery_public_key IS 'HPKE public key that recovery slots of workstations are sealed to, base64url.';
COMMENT ON COLUMN tenant.epoch IS 'Life of this database; a restore gives a new one, so that workstations notice.';
COMMENT ON COLUMN tenant.index_key IS 'Secret of the blind index, sealed with the tenant''s data key.';
COMMENT ON COLUMN tenant.created_at IS 'When the clinic was made.';

CREATE TABLE data_key (
  tenant     uuid             NOT NULL,
  id         uuid             NOT NULL,
  patient    text COLLATE "C" NOT NULL,
  wrapped    bytea            NOT NULL,
  created_at timestamptz      NOT NULL,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, patient)
);
COMMENT ON TABLE data_key IS 'Data keys, wrapped by a master key: one for each patient, one for what has no patient.';
COMMENT ON COLUMN data_key.tenant IS 'The clinic.';
COMMENT ON COLUMN data_key.id IS 'Key id, as written into every value sealed with it.';
COMMENT ON COLUMN data_key.patient IS 'Logical id of the patient whose records it seals; empty for the tenant''s own key.';
COMMENT ON COLUMN data_key.wrapped IS 'The key under a master key, bound to this row.';
COMMENT ON COLUMN data_key.created_at IS 'When the key was made.';

CREATE TABLE resource_version (
  tenant        uuid             NOT NULL,
  resource_type text COLLATE "C" NOT NULL,
  id            text COLLATE "C" NOT NULL,
  version       bigint           NOT NULL CHECK (version > 0),
  transaction   xid8             NOT NULL DEFAULT pg_current_xact_id(),
  recorded_at   timestamptz      NOT NULL,
  author        uuid             NOT NULL,
  device        uuid,
  deleted       boolean          NOT NULL,
  patient       text COLLATE "C",
  key_id        uuid,
  body          bytea,
  PRIMARY KEY (tenant, resource_type, id, version),
  CHECK (deleted = (body IS NULL)),
  CHECK ((body IS NULL) = (key_id IS NULL))
);
COMMENT ON TABLE resource_version IS 'Every version of every resource, append-only.';
COMMENT ON COLUMN resource_version.tenant IS 'The clinic.';
COMMENT ON COLUMN resource_version.resource_type IS 'FHIR resource type.';
COMMENT ON COLUMN resource_version.id IS 'Logical id.';
COMMENT ON COLUMN resource_version.version IS 'meta.versionId; counts from 1, a deletion counts as one.';
COMMENT ON COLUMN resource_version.transaction IS 'Database transaction that wrote it; orders the sync feed by commit.';
COMMENT ON COLUMN resource_version.recorded_at IS 'meta.lastUpdated.';
COMMENT ON COLUMN resource_version.author IS 'User (or integration client) who wrote it.';
COMMENT ON COLUMN resource_version.device IS 'Workstation it was written on, if on one.';
COMMENT ON COLUMN resource_version.deleted IS 'Whether this version is a deletion.';
COMMENT ON COLUMN resource_version.patient IS 'Logical id of the Patient in whose compartment it is, if in one.';
COMMENT ON COLUMN resource_version.key_id IS 'Data key that sealed the body; none for a deletion.';
COMMENT ON COLUMN resource_version.body IS 'The resource as JSON, sealed; bound to tenant, type, id and version. None for a deletion.';

CREATE TRIGGER resource_version_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON resource_version
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE resource (
  tenant        uuid             NOT NULL,
  resource_type text COLLATE "C" NOT NULL,
  id            text COLLATE "C" NOT NULL,
  version       bigint           NOT NULL,
  transaction   xid8             NOT NULL DEFAULT pg_current_xact_id(),
  last_updated  timestamptz      NOT NULL,
  patient       text COLLATE "C",
  deleted       boolean          NOT NULL,
  tokens        bytea            NOT NULL,
  PRIMARY KEY (tenant, resource_type, id)
);
CREATE INDEX resource_by_commit ON resource (tenant, transaction, resource_type, id);
CREATE INDEX resource_by_patient ON resource (tenant, patient, resource_type, id) WHERE patient IS NOT NULL;
CREATE INDEX resource_by_time ON resource (tenant, resource_type, last_updated, id);
COMMENT ON TABLE resource IS 'Which version of a resource is the current one.';
COMMENT ON COLUMN resource.tenant IS 'The clinic.';
COMMENT ON COLUMN resource.resource_type IS 'FHIR resource type.';
COMMENT ON COLUMN resource.id IS 'Logical id.';
COMMENT ON COLUMN resource.version IS 'Current version.';
COMMENT ON COLUMN resource.transaction IS 'Database transaction of the current version; orders the sync feed.';
COMMENT ON COLUMN resource.last_updated IS 'When the current version was written.';
COMMENT ON COLUMN resource.patient IS 'Logical id of the Patient in whose compartment it is, if in one.';
COMMENT ON COLUMN resource.deleted IS 'Whether the current version is a deletion.';
COMMENT ON COLUMN resource.tokens IS 'The keyed hashes under which search_token holds it, 16 bytes each, sorted; so that an update moves only what changed.';

CREATE TABLE patient_identity (
  tenant     uuid             NOT NULL,
  patient    text COLLATE "C" NOT NULL,
  version    bigint           NOT NULL,
  key_id     uuid             NOT NULL,
  name       bytea,
  birth_date bytea,
  ssn        bytea,
  phone      bytea,
  email      bytea,
  mrn        bytea,
  address    bytea,
  PRIMARY KEY (tenant, patient)
);
COMMENT ON TABLE patient_identity IS 'What a patient is known by, each element sealed by itself; as in the current version of the Patient.';
COMMENT ON COLUMN patient_identity.tenant IS 'The clinic.';
COMMENT ON COLUMN patient_identity.patient IS 'Logical id of the Patient.';
COMMENT ON COLUMN patient_identity.version IS 'Version of the Patient that the elements are of.';
COMMENT ON COLUMN patient_identity.key_id IS 'The patient''s data key, which sealed every element.';
COMMENT ON COLUMN patient_identity.name IS 'Patient.name as JSON, sealed.';
COMMENT ON COLUMN patient_identity.birth_date IS 'Patient.birthDate as JSON, sealed.';
COMMENT ON COLUMN patient_identity.ssn IS 'Identifiers of the social security system as JSON, sealed.';
COMMENT ON COLUMN patient_identity.phone IS 'Telecoms of system phone, fax, sms and pager as JSON, sealed.';
COMMENT ON COLUMN patient_identity.email IS 'Telecoms of system email and url as JSON, sealed.';
COMMENT ON COLUMN patient_identity.mrn IS 'All other identifiers, the medical record number among them, as JSON, sealed.';
COMMENT ON COLUMN patient_identity.address IS 'Patient.address as JSON, sealed.';

CREATE TABLE search_token (
  tenant        uuid             NOT NULL,
  resource_type text COLLATE "C" NOT NULL,
  token         uuid             NOT NULL,
  id            text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, resource_type, token, id)
);
COMMENT ON TABLE search_token IS 'The blind index: keyed hashes of what current resources can be found by.';
COMMENT ON COLUMN search_token.tenant IS 'The clinic.';
COMMENT ON COLUMN search_token.resource_type IS 'FHIR resource type.';
COMMENT ON COLUMN search_token.token IS 'HMAC-SHA256, cut to 128 bits, of tenant, type, parameter and value; uuid only for its fixed width.';
COMMENT ON COLUMN search_token.id IS 'Logical id.';

CREATE TABLE search_date (
  tenant        uuid             NOT NULL,
  resource_type text COLLATE "C" NOT NULL,
  id            text COLLATE "C" NOT NULL,
  param         text COLLATE "C" NOT NULL,
  lo            timestamptz      NOT NULL,
  hi            timestamptz      NOT NULL,
  PRIMARY KEY (tenant, resource_type, id, param, lo, hi),
  CHECK (lo <= hi)
);
CREATE INDEX search_date_by_time ON search_date (tenant, resource_type, param, lo, id) INCLUDE (hi);
COMMENT ON TABLE search_date IS 'Clinical dates of current resources as closed-open ranges. No date of a Patient is here.';
COMMENT ON COLUMN search_date.tenant IS 'The clinic.';
COMMENT ON COLUMN search_date.resource_type IS 'FHIR resource type.';
COMMENT ON COLUMN search_date.id IS 'Logical id.';
COMMENT ON COLUMN search_date.param IS 'Search parameter.';
COMMENT ON COLUMN search_date.lo IS 'First instant that the date covers.';
COMMENT ON COLUMN search_date.hi IS 'First instant that it does not cover any more; infinity when open.';

CREATE TABLE appointment_hold (
  tenant       uuid             NOT NULL,
  appointment  text COLLATE "C" NOT NULL,
  practitioner text COLLATE "C" NOT NULL,
  period       tstzrange        NOT NULL CHECK (NOT isempty(period)),
  PRIMARY KEY (tenant, appointment, practitioner),
  CONSTRAINT appointment_hold_time_taken
    EXCLUDE USING gist (tenant WITH =, practitioner WITH =, period WITH &&)
);
COMMENT ON TABLE appointment_hold IS 'Times that active appointments take of practitioners; two cannot overlap.';
COMMENT ON COLUMN appointment_hold.tenant IS 'The clinic.';
COMMENT ON COLUMN appointment_hold.appointment IS 'Logical id of the Appointment.';
COMMENT ON COLUMN appointment_hold.practitioner IS 'Logical id of the Practitioner.';
COMMENT ON COLUMN appointment_hold.period IS 'From start to end, end excluded.';

CREATE TABLE idempotency (
  tenant      uuid        NOT NULL,
  key         uuid        NOT NULL,
  author      uuid        NOT NULL,
  recorded_at timestamptz NOT NULL,
  versions    jsonb       NOT NULL,
  PRIMARY KEY (tenant, key)
);
COMMENT ON TABLE idempotency IS 'Uploads that were accepted, so that a repeated one is answered alike and not applied again.';
COMMENT ON COLUMN idempotency.tenant IS 'The clinic.';
COMMENT ON COLUMN idempotency.key IS 'Key that the workstation gave to its change.';
COMMENT ON COLUMN idempotency.author IS 'User who sent it; only the same user is answered.';
COMMENT ON COLUMN idempotency.recorded_at IS 'When it was accepted.';
COMMENT ON COLUMN idempotency.versions IS 'The versions it made: type, id, version, time. No content.';

-- Least privilege. Nothing is granted that the program does not do.
GRANT USAGE ON SCHEMA public TO rounds_app;
GRANT SELECT ON tenant TO rounds_app;
GRANT SELECT, INSERT ON data_key, resource_version, idempotency TO rounds_app;
GRANT SELECT, INSERT, UPDATE ON resource TO rounds_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON patient_identity TO rounds_app;
GRANT SELECT, INSERT, DELETE ON search_token, search_date, appointment_hold TO rounds_app;
