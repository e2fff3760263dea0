-- A server that was restored holds less of a device's chain than the device knows of. It says so
-- before it takes what comes for a gap.
ALTER TABLE device ADD COLUMN chain_asked text COLLATE "C";
COMMENT ON COLUMN device.chain_asked IS 'Hash of the last link that came after a gap and was answered with how far the chain is held, hex; null: none did.';
