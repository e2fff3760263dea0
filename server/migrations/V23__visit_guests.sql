-- Links for guests in video visits: an interpreter, somebody of the family. Of a guest the kind is
-- kept and nothing else; names that guests type stay in memory.

ALTER TABLE visit_link ADD COLUMN guest uuid;
ALTER TABLE visit_link ADD COLUMN guest_kind text COLLATE "C";
ALTER TABLE visit_link
  ADD CONSTRAINT visit_link_guest_whole CHECK ((guest IS NULL) = (guest_kind IS NULL)),
  ADD CONSTRAINT visit_link_guest_kind
    CHECK (guest_kind IN ('interpreter', 'family', 'carer', 'other'));
COMMENT ON COLUMN visit_link.guest IS 'Names the guest whom the link is for; none: it is the patient''s.';
COMMENT ON COLUMN visit_link.guest_kind IS 'Who the guest is to the patient, of a closed list; none for the patient.';

DROP INDEX visit_link_one;
CREATE UNIQUE INDEX visit_link_one ON visit_link (tenant, appointment)
  WHERE withdrawn_at IS NULL AND guest IS NULL;
CREATE UNIQUE INDEX visit_link_guest ON visit_link (tenant, guest)
  WHERE withdrawn_at IS NULL AND guest IS NOT NULL;
CREATE INDEX visit_link_by_appointment ON visit_link (tenant, appointment);

COMMENT ON TABLE visit_link IS 'Links to video visits; one at a time counts for the patient of an appointment, and one for each guest.';
COMMENT ON COLUMN visit_link.ended_at IS 'When the visit was ended, or the guest''s part in it; none before.';
