-- The key store: data keys, wrapped by master keys, and nothing else.
--
-- It is a database of its own, so that it can lie in another cluster and have a backup of its
-- own with a short life: a key that was destroyed here must not come back with a backup of the
-- records.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rounds_keys_app') THEN
    CREATE ROLE rounds_keys_app NOLOGIN;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  -- Another database of this cluster made it at the same moment.
  NULL;
END
$$;

-- Roles of other databases of the same cluster stay out.
DO $$
BEGIN
  EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO rounds_keys_app', current_database());
END
$$;

CREATE TABLE data_key (
  tenant       uuid             NOT NULL,
  id           uuid             NOT NULL,
  patient      text COLLATE "C" NOT NULL,
  generation   integer          NOT NULL CHECK (generation >= 0),
  master       text COLLATE "C" NOT NULL,
  wrapped      bytea,
  created_at   timestamptz      NOT NULL,
  retired_at   timestamptz,
  destroyed_at timestamptz,
  reserved     bigint           NOT NULL CHECK (reserved >= 0),
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, patient, generation),
  CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
CREATE UNIQUE INDEX data_key_current ON data_key (tenant, patient) WHERE retired_at IS NULL;
COMMENT ON TABLE data_key IS 'Data keys, wrapped by a master key: generations for each patient, and for what has no patient.';
COMMENT ON COLUMN data_key.tenant IS 'The clinic.';
COMMENT ON COLUMN data_key.id IS 'Key id, as written into every value sealed with it.';
COMMENT ON COLUMN data_key.patient IS 'Logical id of the patient whose records it seals; empty for the tenant''s own key.';
COMMENT ON COLUMN data_key.generation IS 'Counts from 0 for each patient; part of what the wrapped key is bound to.';
COMMENT ON COLUMN data_key.master IS 'Id of the master key that wraps it, as also written into the wrapped key.';
COMMENT ON COLUMN data_key.wrapped IS 'The key under a master key, bound to tenant, patient and generation. None once destroyed.';
COMMENT ON COLUMN data_key.created_at IS 'When the key was made.';
COMMENT ON COLUMN data_key.retired_at IS 'When a newer generation took its place; none for the current one. Retired keys open, but seal nothing new.';
COMMENT ON COLUMN data_key.destroyed_at IS 'When the key was destroyed; the row stays as a tombstone.';
COMMENT ON COLUMN data_key.reserved IS 'Seals that instances reserved for themselves: at least as many as were made with it.';

CREATE FUNCTION guard_data_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'UPDATE' THEN
    RAISE EXCEPTION 'data_key keeps its rows: % refused', TG_OP
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF OLD.destroyed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a destroyed key stays as it is' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF (NEW.tenant, NEW.id, NEW.patient, NEW.generation, NEW.created_at)
       IS DISTINCT FROM (OLD.tenant, OLD.id, OLD.patient, OLD.generation, OLD.created_at)
     OR NEW.reserved < OLD.reserved
     OR (OLD.retired_at IS NOT NULL AND NEW.retired_at IS DISTINCT FROM OLD.retired_at) THEN
    RAISE EXCEPTION 'what a key is and what it was used for cannot be changed'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION guard_data_key() IS
  'Trigger of data_key: a key is never forgotten, its count never goes back, and a destroyed one is never changed; for the owner too.';
CREATE TRIGGER data_key_guard BEFORE UPDATE ON data_key
  FOR EACH ROW EXECUTE FUNCTION guard_data_key();
CREATE TRIGGER data_key_stays BEFORE DELETE OR TRUNCATE ON data_key
  FOR EACH STATEMENT EXECUTE FUNCTION guard_data_key();

CREATE TABLE key_change (
  tenant  uuid   PRIMARY KEY,
  changes bigint NOT NULL
);
COMMENT ON TABLE key_change IS 'How often keys were changed by an operator: servers drop the keys they hold in memory when it moves.';
COMMENT ON COLUMN key_change.tenant IS 'The clinic.';
COMMENT ON COLUMN key_change.changes IS 'Counts changes.';

CREATE TABLE key_work (
  tenant     uuid             NOT NULL,
  kind       text COLLATE "C" NOT NULL,
  started_at timestamptz      NOT NULL,
  PRIMARY KEY (tenant, kind)
);
COMMENT ON TABLE key_work IS 'Work of an operator that began and did not end yet, so that it can be taken up again.';
COMMENT ON COLUMN key_work.tenant IS 'The clinic.';
COMMENT ON COLUMN key_work.kind IS 'What: rotate.';
COMMENT ON COLUMN key_work.started_at IS 'When it began; what was done since need not be done again.';

-- Least privilege: the serving program makes keys, counts their uses and retires them. It can
-- neither replace nor destroy one.
GRANT USAGE ON SCHEMA public TO rounds_keys_app;
GRANT SELECT, INSERT ON data_key TO rounds_keys_app;
GRANT UPDATE (reserved, retired_at) ON data_key TO rounds_keys_app;
GRANT SELECT ON key_change, key_work TO rounds_keys_app;
