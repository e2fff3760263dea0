-- That the records were restored from a backup, as the operator said it: signed, for everybody who
-- witnessed more of the ledger than was restored.

CREATE TABLE ledger_restore (
  tenant    uuid             NOT NULL,
  id        uuid             NOT NULL,
  made_at   timestamptz      NOT NULL,
  statement text COLLATE "C" NOT NULL,
  signature text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, id)
);
COMMENT ON TABLE ledger_restore IS 'Each time that the ledger was taken up again after a restore, append-only.';
COMMENT ON COLUMN ledger_restore.tenant IS 'The clinic.';
COMMENT ON COLUMN ledger_restore.id IS 'Name of the statement.';
COMMENT ON COLUMN ledger_restore.made_at IS 'When the operator said it.';
COMMENT ON COLUMN ledger_restore.statement IS 'The statement as it was signed, JSON: the tree that was restored, the newest one that is known to be lost, and the operator''s reason.';
COMMENT ON COLUMN ledger_restore.signature IS 'The ledger key''s signature, hex.';
SELECT wall_in('ledger_restore');
CREATE TRIGGER ledger_restore_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_restore
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON ledger_restore TO rounds_app;
