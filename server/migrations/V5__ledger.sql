-- The ledger: audit events in one order, their Merkle tree, signed checkpoints; broken chains of
-- workstations; what the security officer has to look at.
--
-- All of it is append-only. Events are stored as before, in the transaction of what they record;
-- afterwards a sequencer gives them positions. Which events still have none is told by the
-- snapshot of the last checkpoint, so nothing has to be marked or deleted.

ALTER TABLE audit_event
  ADD COLUMN transaction xid8 NOT NULL DEFAULT '0',
  ADD COLUMN role        text COLLATE "C",
  ADD COLUMN client      uuid;
ALTER TABLE audit_event ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
CREATE INDEX audit_event_by_commit ON audit_event (tenant, transaction);
COMMENT ON COLUMN audit_event.transaction IS 'Database transaction that stored it; 0 for what was stored before there was a ledger.';
COMMENT ON COLUMN audit_event.role IS 'Wire name of the user''s role at that time, where known.';
COMMENT ON COLUMN audit_event.client IS 'Workstation that asked, if it was one.';

CREATE TABLE ledger_key (
  tenant     uuid             NOT NULL PRIMARY KEY,
  verifier   text COLLATE "C" NOT NULL,
  key_id     uuid             NOT NULL,
  sealed     bytea            NOT NULL,
  created_at timestamptz      NOT NULL
);
COMMENT ON TABLE ledger_key IS 'The key that signs the ledger''s checkpoints, append-only.';
COMMENT ON COLUMN ledger_key.tenant IS 'The clinic.';
COMMENT ON COLUMN ledger_key.verifier IS 'Public half as a verifier key of signed notes: name, hash and key.';
COMMENT ON COLUMN ledger_key.key_id IS 'Data key that sealed the private half.';
COMMENT ON COLUMN ledger_key.sealed IS 'Private half (Ed25519), sealed; bound to tenant and column.';
COMMENT ON COLUMN ledger_key.created_at IS 'When it was made.';

CREATE TABLE ledger_leaf (
  tenant   uuid   NOT NULL,
  position bigint NOT NULL CHECK (position >= 0),
  event    uuid   NOT NULL,
  leaf     bytea  NOT NULL CHECK (octet_length(leaf) = 32),
  mark     bytea  NOT NULL CHECK (octet_length(mark) = 16),
  PRIMARY KEY (tenant, position),
  UNIQUE (tenant, event)
);
COMMENT ON TABLE ledger_leaf IS 'The leaves of the tree: which event has which position, append-only.';
COMMENT ON COLUMN ledger_leaf.tenant IS 'The clinic.';
COMMENT ON COLUMN ledger_leaf.position IS 'Position in the tree, from 0 and without gaps.';
COMMENT ON COLUMN ledger_leaf.event IS 'The event. No foreign key: that an event is gone must be found, not be made impossible to tell.';
COMMENT ON COLUMN ledger_leaf.leaf IS 'SHA-256(0x00 and the canonical event), as in audit_event.';
COMMENT ON COLUMN ledger_leaf.mark IS 'Keyed hash of tenant, position, event and leaf: tells which row was moved or replaced by somebody without keys.';

CREATE TABLE ledger_node (
  tenant uuid     NOT NULL,
  level  smallint NOT NULL CHECK (level > 0),
  number bigint   NOT NULL CHECK (number >= 0),
  hash   bytea    NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (tenant, level, number)
);
COMMENT ON TABLE ledger_node IS 'Roots of complete subtrees at each eighth level, so that proofs read little, append-only.';
COMMENT ON COLUMN ledger_node.tenant IS 'The clinic.';
COMMENT ON COLUMN ledger_node.level IS 'Height above the leaves, a multiple of eight.';
COMMENT ON COLUMN ledger_node.number IS 'Position among the nodes of its level, from 0.';
COMMENT ON COLUMN ledger_node.hash IS 'Root of the subtree.';

CREATE TABLE ledger_checkpoint (
  tenant    uuid             NOT NULL,
  size      bigint           NOT NULL CHECK (size > 0),
  root      bytea            NOT NULL CHECK (octet_length(root) = 32),
  snapshot  pg_snapshot      NOT NULL,
  signed_at timestamptz      NOT NULL,
  note      text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, size)
);
COMMENT ON TABLE ledger_checkpoint IS 'Signed sizes and roots of the tree, append-only.';
COMMENT ON COLUMN ledger_checkpoint.tenant IS 'The clinic.';
COMMENT ON COLUMN ledger_checkpoint.size IS 'Leaves.';
COMMENT ON COLUMN ledger_checkpoint.root IS 'Root.';
COMMENT ON COLUMN ledger_checkpoint.snapshot IS 'What the sequencer saw: every event of these transactions has a position, no other one.';
COMMENT ON COLUMN ledger_checkpoint.signed_at IS 'When it was signed.';
COMMENT ON COLUMN ledger_checkpoint.note IS 'The checkpoint as a signed note.';

-- A chain that does not go on can be begun anew: each beginning is a life of the device's chain.
ALTER TABLE device ADD COLUMN chain_life integer NOT NULL DEFAULT 1 CHECK (chain_life > 0);
COMMENT ON COLUMN device.chain_life IS 'Counts the beginnings of its chain; more than one means that it was broken.';
ALTER TABLE audit_link ADD COLUMN life integer NOT NULL DEFAULT 1 CHECK (life > 0);
ALTER TABLE audit_link DROP CONSTRAINT audit_link_pkey;
ALTER TABLE audit_link ADD PRIMARY KEY (tenant, device, life, number);
COMMENT ON COLUMN audit_link.life IS 'Which beginning of the device''s chain it belongs to.';

CREATE TABLE audit_link_aside (
  tenant    uuid             NOT NULL,
  device    uuid             NOT NULL,
  life      integer          NOT NULL CHECK (life > 0),
  number    bigint           NOT NULL CHECK (number > 0),
  hash      text COLLATE "C" NOT NULL,
  reason    text COLLATE "C" NOT NULL,
  key_id    uuid             NOT NULL,
  link      bytea            NOT NULL,
  stored_at timestamptz      NOT NULL,
  PRIMARY KEY (tenant, device, life, number),
  FOREIGN KEY (tenant, device) REFERENCES device (tenant, id)
);
COMMENT ON TABLE audit_link_aside IS 'Links that hold no event that can be believed, kept as they came, append-only.';
COMMENT ON COLUMN audit_link_aside.tenant IS 'The clinic.';
COMMENT ON COLUMN audit_link_aside.device IS 'Workstation that sent it.';
COMMENT ON COLUMN audit_link_aside.life IS 'Which beginning of the device''s chain it belongs to.';
COMMENT ON COLUMN audit_link_aside.number IS 'Position that it claims.';
COMMENT ON COLUMN audit_link_aside.hash IS 'Hash that it claims, hex.';
COMMENT ON COLUMN audit_link_aside.reason IS 'Stable code of what is wrong with it.';
COMMENT ON COLUMN audit_link_aside.key_id IS 'Data key that sealed the link.';
COMMENT ON COLUMN audit_link_aside.link IS 'The link as JSON, sealed; bound to tenant, device, life and number.';
COMMENT ON COLUMN audit_link_aside.stored_at IS 'When it was set aside.';

CREATE TABLE chain_break (
  tenant  uuid             NOT NULL,
  device  uuid             NOT NULL,
  life    integer          NOT NULL,
  offered text COLLATE "C" NOT NULL,
  number  bigint           NOT NULL,
  code    text COLLATE "C" NOT NULL,
  seen_at timestamptz      NOT NULL,
  event   uuid             NOT NULL,
  PRIMARY KEY (tenant, device, life, offered),
  FOREIGN KEY (tenant, device) REFERENCES device (tenant, id)
);
COMMENT ON TABLE chain_break IS 'Links that did not go on from where a chain stood, when they first came, append-only.';
COMMENT ON COLUMN chain_break.tenant IS 'The clinic.';
COMMENT ON COLUMN chain_break.device IS 'Whose chain.';
COMMENT ON COLUMN chain_break.life IS 'The life of the chain that they did not continue.';
COMMENT ON COLUMN chain_break.offered IS 'SHA-256 of the first link that did not fit, hex: the same one offered again is no new break.';
COMMENT ON COLUMN chain_break.number IS 'Number of that link.';
COMMENT ON COLUMN chain_break.code IS 'Stable code of what is wrong.';
COMMENT ON COLUMN chain_break.seen_at IS 'When it came first.';
COMMENT ON COLUMN chain_break.event IS 'The alert that it raised.';

CREATE TABLE review_item (
  tenant    uuid             NOT NULL,
  id        uuid             NOT NULL,
  kind      text COLLATE "C" NOT NULL,
  opened_at timestamptz      NOT NULL,
  event     uuid,
  account   uuid,
  patient   text COLLATE "C",
  device    uuid,
  key_id    uuid             NOT NULL,
  words     bytea            NOT NULL,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, kind, event)
);
CREATE INDEX review_item_by_time ON review_item (tenant, opened_at, id);
COMMENT ON TABLE review_item IS 'What the security officer has to look at, append-only.';
COMMENT ON COLUMN review_item.tenant IS 'The clinic.';
COMMENT ON COLUMN review_item.id IS 'Id.';
COMMENT ON COLUMN review_item.kind IS 'Stable code of what it is.';
COMMENT ON COLUMN review_item.opened_at IS 'When it was opened.';
COMMENT ON COLUMN review_item.event IS 'The audit event behind it; one item of a kind for each.';
COMMENT ON COLUMN review_item.account IS 'Account concerned.';
COMMENT ON COLUMN review_item.patient IS 'Logical id of the patient concerned.';
COMMENT ON COLUMN review_item.device IS 'Workstation concerned.';
COMMENT ON COLUMN review_item.key_id IS 'Data key that sealed the words.';
COMMENT ON COLUMN review_item.words IS 'What happened, in words, a user''s reason among them; sealed, bound to tenant and id.';

CREATE TABLE review_closing (
  tenant    uuid             NOT NULL,
  item      uuid             NOT NULL,
  closed_at timestamptz      NOT NULL,
  account   uuid             NOT NULL,
  finding   text COLLATE "C" NOT NULL,
  key_id    uuid             NOT NULL,
  words     bytea            NOT NULL,
  PRIMARY KEY (tenant, item),
  FOREIGN KEY (tenant, item) REFERENCES review_item (tenant, id)
);
COMMENT ON TABLE review_closing IS 'How reviews ended, each once, append-only.';
COMMENT ON COLUMN review_closing.tenant IS 'The clinic.';
COMMENT ON COLUMN review_closing.item IS 'The review item.';
COMMENT ON COLUMN review_closing.closed_at IS 'When it was closed.';
COMMENT ON COLUMN review_closing.account IS 'Who closed it.';
COMMENT ON COLUMN review_closing.finding IS 'Stable code of what was found.';
COMMENT ON COLUMN review_closing.key_id IS 'Data key that sealed the words.';
COMMENT ON COLUMN review_closing.words IS 'What was found, in words; sealed, bound to tenant and item.';

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['ledger_key', 'ledger_leaf', 'ledger_node', 'ledger_checkpoint',
                              'audit_link_aside', 'chain_break', 'review_item', 'review_closing']
  LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                   name || '_append_only', name);
    EXECUTE format('GRANT SELECT, INSERT ON %I TO rounds_app', name);
  END LOOP;
END
$$;
