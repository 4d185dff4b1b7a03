-- Money by agent and project over a span of days; without it the wide rows of all sessions are read.
CREATE INDEX sessions_costs ON sessions (ended_at_ms, agent, project_id, cost);
