-- How long workstations may go without the server, which of them are to wipe themselves, and the
-- unsent work that they saved before.

ALTER TABLE tenant ADD COLUMN lease_hours integer NOT NULL DEFAULT 72
  CHECK (lease_hours BETWEEN 1 AND 720);
COMMENT ON COLUMN tenant.lease_hours IS 'Hours that a user may work on a device without the server.';

CREATE TABLE wipe_order (
  tenant      uuid        NOT NULL,
  device      uuid        NOT NULL,
  number      bigint      NOT NULL CHECK (number > 0),
  ordered_at  timestamptz NOT NULL,
  reason      text        NOT NULL,
  done_at     timestamptz,
  kept        boolean,
  PRIMARY KEY (tenant, device, number),
  FOREIGN KEY (tenant, device) REFERENCES device (tenant, id)
);
CREATE UNIQUE INDEX wipe_order_pending ON wipe_order (tenant, device) WHERE done_at IS NULL;
COMMENT ON TABLE wipe_order IS 'Orders to workstations to save what is unsent and to erase themselves.';
COMMENT ON COLUMN wipe_order.tenant IS 'The clinic.';
COMMENT ON COLUMN wipe_order.device IS 'The device that is to be wiped; enrolled again it is another one.';
COMMENT ON COLUMN wipe_order.number IS 'Number of the order among those to the device.';
COMMENT ON COLUMN wipe_order.ordered_at IS 'When it was given.';
COMMENT ON COLUMN wipe_order.reason IS 'Why, as the operator said.';
COMMENT ON COLUMN wipe_order.done_at IS 'When the device told that it was done; none while it waits.';
COMMENT ON COLUMN wipe_order.kept IS 'Whether sealed work was left on the device for the recovery secret; none while it waits.';

CREATE TABLE wipe_escrow (
  tenant      uuid             NOT NULL,
  id          uuid             NOT NULL,
  device      uuid             NOT NULL,
  number      bigint           NOT NULL,
  profile     text COLLATE "C" NOT NULL,
  received_at timestamptz      NOT NULL,
  sealed      bytea            NOT NULL,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, device, number),
  FOREIGN KEY (tenant, device, number) REFERENCES wipe_order (tenant, device, number)
);
COMMENT ON TABLE wipe_escrow IS 'Unsent work that workstations saved before they were wiped, append-only.';
COMMENT ON COLUMN wipe_escrow.tenant IS 'The clinic.';
COMMENT ON COLUMN wipe_escrow.id IS 'Name of it.';
COMMENT ON COLUMN wipe_escrow.device IS 'The device it comes from.';
COMMENT ON COLUMN wipe_escrow.number IS 'The order that it was saved for.';
COMMENT ON COLUMN wipe_escrow.profile IS 'Name of the profile''s folder: what the seal is bound to.';
COMMENT ON COLUMN wipe_escrow.received_at IS 'When it came.';
COMMENT ON COLUMN wipe_escrow.sealed IS 'The work, sealed by HPKE to the organisation''s recovery key: nobody here can open it.';
CREATE TRIGGER wipe_escrow_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON wipe_escrow
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT, UPDATE ON wipe_order TO rounds_app;
GRANT SELECT, INSERT ON wipe_escrow TO rounds_app;
SELECT wall_in('wipe_order');
SELECT wall_in('wipe_escrow');
