-- Users who have no password here enrol a device by the one-time code alone; a sign-in with the
-- identity provider must follow before that counts for good.

ALTER TABLE enrolment ADD COLUMN unproved_until timestamptz;
COMMENT ON COLUMN enrolment.unproved_until IS 'The device was enrolled by the one-time code alone: until when a sign-in of the user must follow. None once one did, and where a password was given along with the code.';
