-- Who may sign in, on which devices, in which sessions; and what was recorded of it all.
--
-- Staff are not patients: their names lie open. Passwords are Argon2id, tokens are hashes,
-- one-time secrets and audit events are sealed with the tenant's data key.

CREATE TABLE account (
  tenant        uuid             NOT NULL,
  id            uuid             NOT NULL,
  username      text COLLATE "C" NOT NULL CHECK (username = lower(username)),
  display_name  text             NOT NULL,
  role          text COLLATE "C" NOT NULL,
  practitioner  text COLLATE "C",
  password_hash text,
  totp_secret   bytea,
  totp_step     bigint           NOT NULL DEFAULT 0,
  created_at    timestamptz      NOT NULL,
  disabled_at   timestamptz,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, username)
);
COMMENT ON TABLE account IS 'A user, or a program that holds a bearer token.';
COMMENT ON COLUMN account.tenant IS 'The clinic.';
COMMENT ON COLUMN account.id IS 'Stable id; author of versions, user of audit events.';
COMMENT ON COLUMN account.username IS 'Sign-in name in lower case.';
COMMENT ON COLUMN account.display_name IS 'Name for people.';
COMMENT ON COLUMN account.role IS 'Wire name of the role.';
COMMENT ON COLUMN account.practitioner IS 'Logical id of the user''s Practitioner, if the user is one.';
COMMENT ON COLUMN account.password_hash IS 'Argon2id, PHC string. None for a program, which cannot sign in.';
COMMENT ON COLUMN account.totp_secret IS 'Secret of one-time codes, sealed; bound to this row. None for a program.';
COMMENT ON COLUMN account.totp_step IS 'Last time step whose code was accepted; a code is taken once.';
COMMENT ON COLUMN account.created_at IS 'When the account was made.';
COMMENT ON COLUMN account.disabled_at IS 'When the account was disabled; none while it may sign in.';

CREATE TABLE device (
  tenant       uuid             NOT NULL,
  id           uuid             NOT NULL,
  name         text             NOT NULL,
  platform     text COLLATE "C" NOT NULL,
  public_key   text COLLATE "C" NOT NULL,
  created_at   timestamptz      NOT NULL,
  chain_number bigint           NOT NULL DEFAULT 0,
  chain_hash   text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, public_key)
);
COMMENT ON TABLE device IS 'A workstation that proved possession of its key.';
COMMENT ON COLUMN device.tenant IS 'The clinic.';
COMMENT ON COLUMN device.id IS 'Chosen by the device, kept for its life.';
COMMENT ON COLUMN device.name IS 'Name for administrators, as the device gave it.';
COMMENT ON COLUMN device.platform IS 'Operating system family, as the device gave it.';
COMMENT ON COLUMN device.public_key IS 'Ed25519 public key, base64url without padding; what tokens are bound to.';
COMMENT ON COLUMN device.created_at IS 'When the device was first seen.';
COMMENT ON COLUMN device.chain_number IS 'Number of the last audit link taken from it.';
COMMENT ON COLUMN device.chain_hash IS 'Hash of that link, hex; before the first the hash of the device id.';

CREATE TABLE enrolment (
  tenant      uuid        NOT NULL,
  device      uuid        NOT NULL,
  account     uuid        NOT NULL,
  enrolled_at timestamptz NOT NULL,
  ended_at    timestamptz,
  PRIMARY KEY (tenant, device, account),
  FOREIGN KEY (tenant, device) REFERENCES device (tenant, id),
  FOREIGN KEY (tenant, account) REFERENCES account (tenant, id)
);
CREATE INDEX enrolment_by_account ON enrolment (tenant, account);
COMMENT ON TABLE enrolment IS 'Which user may sign in on which device.';
COMMENT ON COLUMN enrolment.tenant IS 'The clinic.';
COMMENT ON COLUMN enrolment.device IS 'The device.';
COMMENT ON COLUMN enrolment.account IS 'The user.';
COMMENT ON COLUMN enrolment.enrolled_at IS 'When password and one-time code were given on it.';
COMMENT ON COLUMN enrolment.ended_at IS 'When it was ended; none while it counts.';

CREATE TABLE session (
  tenant     uuid             NOT NULL,
  token_hash bytea            NOT NULL,
  id         uuid             NOT NULL,
  account    uuid             NOT NULL,
  device     uuid,
  created_at timestamptz      NOT NULL,
  expires_at timestamptz      NOT NULL,
  ended_at   timestamptz,
  ended_by   text COLLATE "C",
  PRIMARY KEY (tenant, token_hash),
  UNIQUE (tenant, id),
  FOREIGN KEY (tenant, account) REFERENCES account (tenant, id),
  FOREIGN KEY (tenant, device) REFERENCES device (tenant, id)
);
CREATE INDEX session_by_account ON session (tenant, account) WHERE ended_at IS NULL;
COMMENT ON TABLE session IS 'An access token and its life.';
COMMENT ON COLUMN session.tenant IS 'The clinic.';
COMMENT ON COLUMN session.token_hash IS 'SHA-256 of the token; the token itself is nowhere.';
COMMENT ON COLUMN session.id IS 'Name of the session.';
COMMENT ON COLUMN session.account IS 'Whose it is.';
COMMENT ON COLUMN session.device IS 'Device whose key each request must prove; none for a bearer token.';
COMMENT ON COLUMN session.created_at IS 'When it began.';
COMMENT ON COLUMN session.expires_at IS 'When it ends by itself.';
COMMENT ON COLUMN session.ended_at IS 'When it was ended before that.';
COMMENT ON COLUMN session.ended_by IS 'What ended it: sign-out, sign-in, disabled, reset, operator.';

CREATE TABLE sign_in_failure (
  tenant      uuid        NOT NULL,
  account     bytea       NOT NULL,
  source      bytea       NOT NULL,
  failures    integer     NOT NULL,
  last_at     timestamptz NOT NULL,
  blocked_until timestamptz,
  PRIMARY KEY (tenant, account, source)
);
CREATE INDEX sign_in_failure_by_time ON sign_in_failure (last_at);
COMMENT ON TABLE sign_in_failure IS 'Failed sign-ins by account and source, so that a source is slowed and nobody else is.';
COMMENT ON COLUMN sign_in_failure.tenant IS 'The clinic.';
COMMENT ON COLUMN sign_in_failure.account IS 'SHA-256 of the name that was given: it may be a mistyped password.';
COMMENT ON COLUMN sign_in_failure.source IS 'SHA-256 of the enrolled device''s key, or of the address.';
COMMENT ON COLUMN sign_in_failure.failures IS 'How many in a row.';
COMMENT ON COLUMN sign_in_failure.last_at IS 'When the last one was.';
COMMENT ON COLUMN sign_in_failure.blocked_until IS 'Until when this source must wait for this account.';

-- Unlogged: it is written at each request of a workstation and worth nothing after two
-- minutes. A crash of the database forgets it, which lets proofs of those minutes be replayed
-- by somebody who already reads TLS.
CREATE UNLOGGED TABLE proof (
  tenant     uuid        NOT NULL,
  digest     bytea       NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, digest)
);
CREATE INDEX proof_by_time ON proof (expires_at);
COMMENT ON TABLE proof IS 'Proofs of possession that were used, so that none is used twice.';
COMMENT ON COLUMN proof.tenant IS 'The clinic.';
COMMENT ON COLUMN proof.digest IS 'SHA-256 of key and jti.';
COMMENT ON COLUMN proof.expires_at IS 'From when on the proof would be too old anyway.';

CREATE TABLE audit_event (
  tenant      uuid             NOT NULL,
  id          uuid             NOT NULL,
  recorded_at timestamptz      NOT NULL,
  stored_at   timestamptz      NOT NULL,
  action      text COLLATE "C" NOT NULL,
  success     boolean          NOT NULL,
  account     uuid,
  device      uuid,
  key_id      uuid             NOT NULL,
  leaf        bytea            NOT NULL,
  body        bytea            NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX audit_event_by_time ON audit_event (tenant, recorded_at, id);
CREATE INDEX audit_event_by_account ON audit_event (tenant, account, recorded_at, id);
COMMENT ON TABLE audit_event IS 'Everything that was accessed, tried or refused, append-only.';
COMMENT ON COLUMN audit_event.tenant IS 'The clinic.';
COMMENT ON COLUMN audit_event.id IS 'Logical id of the AuditEvent.';
COMMENT ON COLUMN audit_event.recorded_at IS 'When it happened, by the clock of who recorded it.';
COMMENT ON COLUMN audit_event.stored_at IS 'When it was stored here.';
COMMENT ON COLUMN audit_event.action IS 'Stable code of what was done.';
COMMENT ON COLUMN audit_event.success IS 'Whether it was done, or refused or failed.';
COMMENT ON COLUMN audit_event.account IS 'Who did it, where known.';
COMMENT ON COLUMN audit_event.device IS 'Workstation that recorded it; none when the server did.';
COMMENT ON COLUMN audit_event.key_id IS 'Data key that sealed the body.';
COMMENT ON COLUMN audit_event.leaf IS 'SHA-256(0x00 and the canonical event): its leaf in the ledger''s tree.';
COMMENT ON COLUMN audit_event.body IS 'The AuditEvent as JSON, sealed; bound to tenant and id.';

CREATE TABLE audit_event_patient (
  tenant      uuid             NOT NULL,
  patient     text COLLATE "C" NOT NULL,
  recorded_at timestamptz      NOT NULL,
  event       uuid             NOT NULL,
  PRIMARY KEY (tenant, patient, recorded_at, event)
);
COMMENT ON TABLE audit_event_patient IS 'Which patients an event is about, append-only.';
COMMENT ON COLUMN audit_event_patient.tenant IS 'The clinic.';
COMMENT ON COLUMN audit_event_patient.patient IS 'Logical id of the Patient.';
COMMENT ON COLUMN audit_event_patient.recorded_at IS 'As in the event.';
COMMENT ON COLUMN audit_event_patient.event IS 'The event.';

CREATE TABLE audit_link (
  tenant    uuid             NOT NULL,
  device    uuid             NOT NULL,
  number    bigint           NOT NULL CHECK (number > 0),
  previous  text COLLATE "C" NOT NULL,
  hash      text COLLATE "C" NOT NULL,
  signature text COLLATE "C" NOT NULL,
  event     uuid             NOT NULL,
  PRIMARY KEY (tenant, device, number),
  FOREIGN KEY (tenant, device) REFERENCES device (tenant, id),
  FOREIGN KEY (tenant, event) REFERENCES audit_event (tenant, id)
);
COMMENT ON TABLE audit_link IS 'The chains of the workstations, append-only.';
COMMENT ON COLUMN audit_link.tenant IS 'The clinic.';
COMMENT ON COLUMN audit_link.device IS 'Whose chain.';
COMMENT ON COLUMN audit_link.number IS 'Position in it, from 1.';
COMMENT ON COLUMN audit_link.previous IS 'Hash of the link before, hex.';
COMMENT ON COLUMN audit_link.hash IS 'Hash of this link, hex.';
COMMENT ON COLUMN audit_link.signature IS 'The device''s signature over the hash, hex.';
COMMENT ON COLUMN audit_link.event IS 'The event that the link carries.';

CREATE TRIGGER audit_event_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_event_patient_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event_patient
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_link_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_link
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE import_file (
  tenant      uuid        NOT NULL,
  digest      bytea       NOT NULL,
  imported_at timestamptz NOT NULL,
  report      jsonb       NOT NULL,
  PRIMARY KEY (tenant, digest)
);
COMMENT ON TABLE import_file IS 'Files that were imported whole, so that an import can be run again.';
COMMENT ON COLUMN import_file.tenant IS 'The clinic.';
COMMENT ON COLUMN import_file.digest IS 'Keyed SHA-256 of the file.';
COMMENT ON COLUMN import_file.imported_at IS 'When it was imported.';
COMMENT ON COLUMN import_file.report IS 'How many resources of each type it held. No content.';

GRANT SELECT, INSERT, UPDATE ON account, device, enrolment, session TO rounds_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_failure TO rounds_app;
GRANT SELECT, INSERT, DELETE ON proof TO rounds_app;
GRANT SELECT, INSERT ON audit_event, audit_event_patient, audit_link, import_file TO rounds_app;
