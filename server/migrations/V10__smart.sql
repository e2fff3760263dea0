-- SMART Backend Services: programs that prove themselves with a key, and what their tokens cover.

CREATE TABLE smart_client (
  tenant     uuid             NOT NULL,
  account    uuid             NOT NULL,
  keys       jsonb            NOT NULL,
  scopes     text COLLATE "C" NOT NULL,
  created_at timestamptz      NOT NULL,
  PRIMARY KEY (tenant, account),
  FOREIGN KEY (tenant, account) REFERENCES account (tenant, id)
);
COMMENT ON TABLE smart_client IS 'Programs that an operator registered. Disabled with their account.';
COMMENT ON COLUMN smart_client.tenant IS 'The clinic.';
COMMENT ON COLUMN smart_client.account IS 'The program''s account; its id is the client id.';
COMMENT ON COLUMN smart_client.keys IS 'Public keys that its assertions are signed with: a JSON Web Key Set.';
COMMENT ON COLUMN smart_client.scopes IS 'The most that it may be granted, SMART version 2, divided by spaces.';
COMMENT ON COLUMN smart_client.created_at IS 'When it was registered.';
SELECT wall_in('smart_client');
GRANT SELECT, INSERT ON smart_client TO rounds_app;

ALTER TABLE session ADD COLUMN scopes text COLLATE "C";
COMMENT ON COLUMN session.scopes IS 'What the token covers, SMART version 2; none where role and policies alone decide.';

-- Programs take a token every few minutes: those that are long over are forgotten, and no others.
CREATE INDEX session_scoped_by_time ON session (expires_at) WHERE scopes IS NOT NULL;
CREATE POLICY only_scoped_are_forgotten ON session AS RESTRICTIVE FOR DELETE
  USING (scopes IS NOT NULL);
GRANT DELETE ON session TO rounds_app;
