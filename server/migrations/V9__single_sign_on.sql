-- Single sign-on: what was begun in a browser and waits for its code.

CREATE TABLE oidc_sign_in (
  tenant     uuid             NOT NULL,
  device     uuid             NOT NULL,
  state      bytea            NOT NULL,
  nonce      bytea            NOT NULL,
  verifier   bytea            NOT NULL,
  redirect   text COLLATE "C" NOT NULL,
  expires_at timestamptz      NOT NULL,
  PRIMARY KEY (tenant, device),
  FOREIGN KEY (tenant, device) REFERENCES device (tenant, id)
);
CREATE INDEX oidc_sign_in_by_time ON oidc_sign_in (expires_at);
COMMENT ON TABLE oidc_sign_in IS 'Sign-ins with the identity provider that were begun: one a device, taken once.';
COMMENT ON COLUMN oidc_sign_in.tenant IS 'The clinic.';
COMMENT ON COLUMN oidc_sign_in.device IS 'Device that began it, known by its proved key; no other may finish it.';
COMMENT ON COLUMN oidc_sign_in.state IS 'SHA-256 of the state.';
COMMENT ON COLUMN oidc_sign_in.nonce IS 'SHA-256 of the nonce that the token must name.';
COMMENT ON COLUMN oidc_sign_in.verifier IS 'PKCE code verifier, sealed; bound to tenant and device.';
COMMENT ON COLUMN oidc_sign_in.redirect IS 'Loopback address that the browser comes back to.';
COMMENT ON COLUMN oidc_sign_in.expires_at IS 'Until when it may be finished.';

SELECT wall_in('oidc_sign_in');
GRANT SELECT, INSERT, UPDATE, DELETE ON oidc_sign_in TO rounds_app;
