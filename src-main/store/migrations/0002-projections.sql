-- Tables derived from facts; all of them can be built again from the journal.
CREATE TABLE sessions (
  id            TEXT    PRIMARY KEY,
  row           TEXT    NOT NULL,
  extras        TEXT    NOT NULL,
  changed_seq   INTEGER NOT NULL,
  attention     INTEGER NOT NULL,
  status        TEXT    NOT NULL,
  phase         TEXT    NOT NULL,
  since_ms      INTEGER NOT NULL,
  tone          TEXT    NOT NULL,
  project_id    TEXT    NOT NULL,
  agent         TEXT    NOT NULL,
  title         TEXT    NOT NULL,
  search        TEXT    NOT NULL,
  priority      INTEGER NOT NULL,
  workarea_id   TEXT,
  continues     TEXT,
  cost          INTEGER,
  created_at_ms INTEGER NOT NULL,
  started_at_ms INTEGER,
  ended_at_ms   INTEGER
) STRICT;
-- One index per order of the list, each with all of its columns, so that a window is a walk and not a sort.
CREATE INDEX sessions_by_attention ON sessions (attention, created_at_ms DESC, id);
CREATE INDEX sessions_by_time ON sessions (created_at_ms DESC, id);
CREATE INDEX sessions_by_title ON sessions (title COLLATE NOCASE, created_at_ms DESC, id);
CREATE INDEX sessions_by_state ON sessions (status, phase, created_at_ms DESC, id);
CREATE INDEX sessions_by_agent ON sessions (agent, created_at_ms DESC, id);
CREATE INDEX sessions_counted ON sessions (attention, phase);
CREATE INDEX sessions_by_workarea ON sessions (workarea_id) WHERE workarea_id IS NOT NULL;
CREATE INDEX sessions_by_project ON sessions (project_id, attention, created_at_ms DESC, id);
-- Orders by amounts and searches can't follow an index; these keep them away from the wide rows.
CREATE INDEX sessions_amounts ON sessions (created_at_ms, started_at_ms, ended_at_ms, cost, id);
CREATE INDEX sessions_search ON sessions (search, attention, created_at_ms, id);
CREATE INDEX sessions_by_origin ON sessions (continues) WHERE continues IS NOT NULL;

CREATE TABLE session_inputs (
  session_id        TEXT    PRIMARY KEY,
  prompt            TEXT    NOT NULL,
  base              TEXT,
  carry_changes     INTEGER NOT NULL,
  hosts             TEXT    NOT NULL,
  accept_unconfined INTEGER NOT NULL
) STRICT;

-- What changes many times a second while a session works; apart from the row, so that each change is small.
CREATE TABLE session_live (
  session_id        TEXT    PRIMARY KEY,
  version           INTEGER NOT NULL DEFAULT 0,
  activity_count    INTEGER NOT NULL DEFAULT 0,
  activities_digest TEXT    NOT NULL,
  last_line         TEXT,
  last_heard_ms     INTEGER,
  usage             TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE workareas (
  workarea_id TEXT PRIMARY KEY,
  session_id  TEXT NOT NULL,
  record      TEXT NOT NULL,
  is_released INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE asks (
  id          TEXT    PRIMARY KEY,
  session_id  TEXT    NOT NULL,
  ask         TEXT    NOT NULL,
  asked_at_ms INTEGER NOT NULL,
  is_open     INTEGER NOT NULL DEFAULT 1,
  outcome     TEXT,
  answered_by TEXT
) STRICT;
CREATE INDEX asks_open ON asks (asked_at_ms) WHERE is_open = 1;
CREATE INDEX asks_by_session ON asks (session_id);

CREATE TABLE prompts (
  id           TEXT    PRIMARY KEY,
  session_id   TEXT    NOT NULL,
  seq          INTEGER NOT NULL,
  text         TEXT    NOT NULL,
  is_delivered INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX prompts_by_session ON prompts (session_id, seq);

CREATE TABLE projects (
  id          TEXT    PRIMARY KEY,
  path        TEXT    NOT NULL,
  name        TEXT    NOT NULL,
  added_at_ms INTEGER NOT NULL,
  is_removed  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX projects_by_path ON projects (path);

CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE daemon (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL) STRICT;
INSERT INTO daemon (id, state) VALUES (1, 'ready');

-- Money of ended sessions by the UTC day of their end.
CREATE TABLE cost_days (
  day             TEXT    PRIMARY KEY,
  usd_nanos       INTEGER NOT NULL,
  sessions        INTEGER NOT NULL,
  unknown_session INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
