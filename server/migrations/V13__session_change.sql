-- What a session rests on, as one number: a server that remembers a session asks for the number
-- at each request, together with what is read, and looks the session up again when it has moved.
--
-- The database counts, whoever makes the change: an ended session, a disabled account, a role or a
-- name that changed, an enrolment that ended, another key of a device, what else records call a
-- practitioner. The number moves in the transaction of the change, so it is seen when that is.

CREATE TABLE session_change (
  tenant  uuid   NOT NULL PRIMARY KEY,
  changes bigint NOT NULL
);
COMMENT ON TABLE session_change IS 'How often anything changed that sessions rest on; no row: never.';
COMMENT ON COLUMN session_change.tenant IS 'The clinic.';
COMMENT ON COLUMN session_change.changes IS 'Counts the changes.';
SELECT wall_in('session_change');
GRANT SELECT ON session_change TO rounds_app;

CREATE FUNCTION count_session_change(of uuid) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO session_change AS s (tenant, changes) VALUES (of, 1)
  ON CONFLICT (tenant) DO UPDATE SET changes = s.changes + 1
$$;
COMMENT ON FUNCTION count_session_change IS 'Says that something changed that sessions rest on.';
REVOKE ALL ON FUNCTION count_session_change FROM PUBLIC;

CREATE FUNCTION session_changed() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM count_session_change(c.tenant) FROM (SELECT DISTINCT tenant FROM changed) c;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION session_changed() IS
  'Trigger of tables that sessions rest on: counts a statement that touched any row.';

-- A new session changes nothing that another rests on; nor does a new account, device or enrolment.
CREATE TRIGGER session_change_by_update AFTER UPDATE ON session
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION session_changed();
CREATE TRIGGER session_change_by_delete AFTER DELETE ON session
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION session_changed();
CREATE TRIGGER session_change_by_update AFTER UPDATE ON enrolment
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION session_changed();
CREATE TRIGGER session_change_by_delete AFTER DELETE ON enrolment
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION session_changed();
CREATE TRIGGER session_change_by_insert AFTER INSERT ON staff_party
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION session_changed();
CREATE TRIGGER session_change_by_update AFTER UPDATE ON staff_party
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION session_changed();
CREATE TRIGGER session_change_by_delete AFTER DELETE ON staff_party
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION session_changed();

-- Other columns of these two change at each sign-in and each upload.
CREATE FUNCTION session_base_changed() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM count_session_change(OLD.tenant);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION session_base_changed() IS
  'Trigger of account and device: counts a change to a column that sessions rest on.';
CREATE TRIGGER session_change_by_update
  AFTER UPDATE OF tenant, id, username, display_name, role, practitioner, disabled_at ON account
  FOR EACH ROW EXECUTE FUNCTION session_base_changed();
CREATE TRIGGER session_change_by_delete AFTER DELETE ON account
  FOR EACH ROW EXECUTE FUNCTION session_base_changed();
CREATE TRIGGER session_change_by_update AFTER UPDATE OF tenant, id, public_key ON device
  FOR EACH ROW EXECUTE FUNCTION session_base_changed();
CREATE TRIGGER session_change_by_delete AFTER DELETE ON device
  FOR EACH ROW EXECUTE FUNCTION session_base_changed();
