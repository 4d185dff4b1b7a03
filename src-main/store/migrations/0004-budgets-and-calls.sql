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
-- Totals of one session are summed over this index alone; the wide rows stay unread.
CREATE INDEX model_calls_sums ON model_calls (session_id, state, started_at_ms DESC, input_tokens, cached_tokens, output_tokens, cost);

-- Totals of all calls by state, kept up with each change: summing them anew would hold up the main thread.
CREATE TABLE model_call_totals (
  state         TEXT    PRIMARY KEY,
  calls         INTEGER NOT NULL,
  input_tokens  INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cost          INTEGER NOT NULL,
  unknown_cost  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER model_calls_counted AFTER INSERT ON model_calls BEGIN
  INSERT INTO model_call_totals VALUES (new.state, 1, coalesce(new.input_tokens, 0), coalesce(new.cached_tokens, 0),
    coalesce(new.output_tokens, 0), coalesce(new.cost, 0), new.cost IS NULL)
  ON CONFLICT (state) DO UPDATE SET calls = calls + 1, input_tokens = input_tokens + excluded.input_tokens,
    cached_tokens = cached_tokens + excluded.cached_tokens, output_tokens = output_tokens + excluded.output_tokens,
    cost = cost + excluded.cost, unknown_cost = unknown_cost + excluded.unknown_cost;
END;
CREATE TRIGGER model_calls_uncounted AFTER DELETE ON model_calls BEGIN
  UPDATE model_call_totals SET calls = calls - 1, input_tokens = input_tokens - coalesce(old.input_tokens, 0),
    cached_tokens = cached_tokens - coalesce(old.cached_tokens, 0),
    output_tokens = output_tokens - coalesce(old.output_tokens, 0), cost = cost - coalesce(old.cost, 0),
    unknown_cost = unknown_cost - (old.cost IS NULL) WHERE state = old.state;
END;
