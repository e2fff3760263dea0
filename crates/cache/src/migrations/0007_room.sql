-- Charts that made room here, until the server has heard of it.
CREATE TABLE made_room (
  patient   TEXT PRIMARY KEY         -- logical id of the Patient
) STRICT, WITHOUT ROWID;
