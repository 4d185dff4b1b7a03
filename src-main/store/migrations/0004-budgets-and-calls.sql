-- What a project's sessions may use together in one UTC day; null = no limit.
ALTER TABLE projects ADD COLUMN daily_usd_nanos INTEGER;
ALTER TABLE projects ADD COLUMN daily_tokens INTEGER;

-- What ended sessions of a project used, by the UTC day of their end. Unknown amounts count as nothing.
CREATE TABLE project_days (
  project_id TEXT    NOT NULL,
  day        TEXT    NOT NULL,
  usd_nanos  INTEGER NOT NULL,
  tokens     INTEGER NOT NULL,
  PRIMARY KEY (project_id, day)
) STRICT, WITHOUT ROWID;
INSERT INTO project_days (project_id, day, usd_nanos, tokens)
SELECT project_id, strftime('%Y-%m-%d', ended_at_ms / 1000, 'unixepoch'),
  sum(coalesce(json_extract(row, '$.usage.costUsdNanos'), 0)),
  sum(coalesce(json_extract(row, '$.usage.inputTokens'), 0) + coalesce(json_extract(row, '$.usage.outputTokens'), 0))
FROM sessions WHERE ended_at_ms IS NOT NULL GROUP BY 1, 2;

-- Model calls: telemetry, written in batches, only the newest are kept.
CREATE TABLE model_calls (
  id            TEXT    PRIMARY KEY,
  session_id    TEXT    NOT NULL,
  state         TEXT    NOT NULL,
  started_at_ms INTEGER NOT NULL,
  input_tokens  INTEGER,
  cached_tokens INTEGER,
  output_tokens INTEGER,
  cost          INTEGER,
  call          TEXT    NOT NULL
) STRICT;
CREATE INDEX model_calls_by_time ON model_calls (started_at_ms DESC, id, state);
-- Totals are summed over this index alone; the wide rows stay unread.
CREATE INDEX model_calls_sums ON model_calls (session_id, state, started_at_ms DESC, input_tokens, cached_tokens, output_tokens, cost);
