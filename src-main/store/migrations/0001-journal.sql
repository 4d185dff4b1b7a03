-- The journal: what happened, in order, each chain linked by hashes. Nothing here is ever changed.
CREATE TABLE events (
  seq           INTEGER PRIMARY KEY,
  chain         TEXT    NOT NULL,
  chain_seq     INTEGER NOT NULL,
  type          TEXT    NOT NULL,
  version       INTEGER NOT NULL,
  at_ms         INTEGER NOT NULL,
  actor         TEXT    NOT NULL,
  subject       TEXT    NOT NULL,
  -- Only the first fact of a command carries these two: the unique index is the command's receipt.
  command_id    TEXT,
  command_facts INTEGER,
  body          TEXT    NOT NULL,
  prev_hash     TEXT    NOT NULL,
  hash          TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_chain ON events (chain, chain_seq);
CREATE UNIQUE INDEX events_command ON events (command_id) WHERE command_id IS NOT NULL;

CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_are_not_removed BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- Where each chain ends.
CREATE TABLE chains (
  chain      TEXT    PRIMARY KEY,
  length     INTEGER NOT NULL,
  head       TEXT    NOT NULL,
  last_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX chains_by_time ON chains (last_at_ms DESC);

-- Outside work that committed facts owe.
CREATE TABLE outbox (
  id         INTEGER PRIMARY KEY,
  key        TEXT    NOT NULL UNIQUE,
  kind       TEXT    NOT NULL,
  session_id TEXT    NOT NULL,
  payload    TEXT    NOT NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  state      TEXT    NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'failed')),
  error      TEXT
) STRICT;
CREATE INDEX outbox_by_state ON outbox (state, id);

-- What sessions say and do.
CREATE TABLE activities (
  session_id TEXT    NOT NULL,
  cursor     INTEGER NOT NULL,
  at_ms      INTEGER NOT NULL,
  body       TEXT    NOT NULL,
  PRIMARY KEY (session_id, cursor)
) STRICT, WITHOUT ROWID;

-- What is not a fact and may be lost: machine id, ids of foreign conversations, children to take over.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE child_processes (
  session_id TEXT PRIMARY KEY,
  identity   TEXT NOT NULL,
  resume     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE external_ids (session_id TEXT PRIMARY KEY, external_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
