-- Data keys lie in a store of their own; bodies can be sealed anew; records can be closed for good.

COMMENT ON TABLE data_key IS 'Empty: data keys lie in the key store. Keys of earlier versions were here until they were moved.';
REVOKE ALL ON data_key FROM rounds_app;

-- A version stays what it was, but its seal may be renewed: the same content under a newer key.
-- Nothing else can change, and only through reseal_versions, which the application may not call.
CREATE FUNCTION refuse_all_but_reseal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.tenant, NEW.resource_type, NEW.id, NEW.version, NEW.transaction, NEW.recorded_at,
      NEW.author, NEW.device, NEW.deleted, NEW.patient)
       IS DISTINCT FROM
     (OLD.tenant, OLD.resource_type, OLD.id, OLD.version, OLD.transaction, OLD.recorded_at,
      OLD.author, OLD.device, OLD.deleted, OLD.patient)
     OR NEW.body IS NULL OR NEW.key_id IS NOT DISTINCT FROM OLD.key_id THEN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION refuse_all_but_reseal() IS
  'Trigger of resource_version: an update may bring another key and its ciphertext, nothing else.';

DROP TRIGGER resource_version_append_only ON resource_version;
CREATE TRIGGER resource_version_append_only
  BEFORE DELETE OR TRUNCATE ON resource_version
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER resource_version_no_update
  BEFORE UPDATE ON resource_version
  FOR EACH STATEMENT WHEN (current_setting('rounds.reseal', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER resource_version_reseal_only
  BEFORE UPDATE ON resource_version
  FOR EACH ROW EXECUTE FUNCTION refuse_all_but_reseal();

CREATE FUNCTION reseal_versions(
  which uuid, types text[], ids text[], versions bigint[],
  old_keys uuid[], new_keys uuid[], bodies bytea[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  done bigint;
BEGIN
  -- Until the end of the transaction at most; an error ends that.
  PERFORM set_config('rounds.reseal', 'on', true);
  -- Whoever was first wins: a row whose key is another one by now is left alone.
  UPDATE resource_version v SET key_id = u.new_key, body = u.body
  FROM unnest(types, ids, versions, old_keys, new_keys, bodies)
    AS u(type, id, version, old_key, new_key, body)
  WHERE v.tenant = which AND v.resource_type = u.type AND v.id = u.id
    AND v.version = u.version AND v.key_id = u.old_key;
  GET DIAGNOSTICS done = ROW_COUNT;
  PERFORM set_config('rounds.reseal', 'off', true);
  RETURN done;
END
$$;
COMMENT ON FUNCTION reseal_versions IS
  'Replaces ciphertexts of versions by ones under newer keys. For the owner alone.';
REVOKE ALL ON FUNCTION reseal_versions FROM PUBLIC;

CREATE TABLE closed_record (
  tenant    uuid             NOT NULL,
  patient   text COLLATE "C" NOT NULL,
  closed_at timestamptz      NOT NULL,
  PRIMARY KEY (tenant, patient)
);
COMMENT ON TABLE closed_record IS 'Patients whose data keys were destroyed: nothing can be written into their records any more.';
COMMENT ON COLUMN closed_record.tenant IS 'The clinic.';
COMMENT ON COLUMN closed_record.patient IS 'Logical id of the Patient.';
COMMENT ON COLUMN closed_record.closed_at IS 'From when on nothing can be written.';

-- The fence between writers and the destruction of a record. Writers hold one of 64 locks, shared,
-- until they end; who closes a record takes it alone, so that every earlier write has ended and
-- every later one sees the row.
CREATE FUNCTION record_lock(which uuid, who text) RETURNS bigint
  LANGUAGE sql IMMUTABLE AS $$
  SELECT 7236831041::bigint * 64 + (hashtextextended(which::text || who, 0) & 63)
$$;
COMMENT ON FUNCTION record_lock IS 'Number of the advisory lock that guards the record of a patient.';

CREATE FUNCTION refuse_closed(which uuid, who text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  one bigint;
BEGIN
  FOR one IN SELECT DISTINCT record_lock(which, u.patient) AS number
             FROM unnest(who) AS u(patient) ORDER BY number LOOP
    PERFORM pg_advisory_xact_lock_shared(one);
  END LOOP;
  IF EXISTS (SELECT FROM closed_record c WHERE c.tenant = which AND c.patient = ANY (who)) THEN
    RAISE EXCEPTION 'the record is closed' USING ERRCODE = 'RD410';
  END IF;
END
$$;
COMMENT ON FUNCTION refuse_closed IS
  'Called within a transaction that writes into the records of these patients: fails if one of them is closed, and keeps them from being closed until it ends.';

GRANT SELECT, INSERT ON closed_record TO rounds_app;
