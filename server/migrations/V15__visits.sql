-- Links by which patients join video visits. What is said in a visit, and its picture and sound,
-- never come here.

CREATE TABLE visit_link (
  tenant       uuid             NOT NULL,
  token_hash   bytea            NOT NULL,
  appointment  text COLLATE "C" NOT NULL,
  patient      text COLLATE "C" NOT NULL,
  practitioner text COLLATE "C",
  account      uuid             NOT NULL,
  created_at   timestamptz      NOT NULL,
  expires_at   timestamptz      NOT NULL,
  withdrawn_at timestamptz,
  ended_at     timestamptz,
  PRIMARY KEY (tenant, token_hash),
  FOREIGN KEY (tenant, account) REFERENCES account (tenant, id)
);
CREATE UNIQUE INDEX visit_link_one ON visit_link (tenant, appointment) WHERE withdrawn_at IS NULL;
COMMENT ON TABLE visit_link IS 'Links to video visits; one at a time counts for an appointment.';
COMMENT ON COLUMN visit_link.tenant IS 'The clinic.';
COMMENT ON COLUMN visit_link.token_hash IS 'SHA-256 of the secret in the link.';
COMMENT ON COLUMN visit_link.appointment IS 'Logical id of the Appointment: the name of the visit.';
COMMENT ON COLUMN visit_link.patient IS 'Logical id of the Patient.';
COMMENT ON COLUMN visit_link.practitioner IS 'Logical id of the Practitioner of the appointment, if it names one.';
COMMENT ON COLUMN visit_link.account IS 'Who made the link.';
COMMENT ON COLUMN visit_link.created_at IS 'When it was made.';
COMMENT ON COLUMN visit_link.expires_at IS 'When it stops letting anybody in.';
COMMENT ON COLUMN visit_link.withdrawn_at IS 'When it was taken back or replaced; none while it counts.';
COMMENT ON COLUMN visit_link.ended_at IS 'When the visit was ended; none before.';

GRANT SELECT, INSERT, UPDATE ON visit_link TO rounds_app;
SELECT wall_in('visit_link');
