-- Times are microseconds since 1970 UTC, durations milliseconds. No number or name of a caller is here.

-- Where phones are reached (RFC 3261 §10), so that a restart does not lose them.
CREATE TABLE registrations (
    user        TEXT    NOT NULL,
    contact     TEXT    NOT NULL,
    transport   TEXT    NOT NULL CHECK (transport IN ('udp', 'tcp', 'tls')),
    local       TEXT    NOT NULL,
    peer        TEXT    NOT NULL,
    expires_us  INTEGER NOT NULL,
    sip_call_id TEXT    NOT NULL,
    cseq        INTEGER NOT NULL,
    -- q in thousandths.
    preference  INTEGER NOT NULL,
    PRIMARY KEY (user, contact)
) STRICT, WITHOUT ROWID;

-- Agents who are signed in. No row: signed out.
CREATE TABLE agents (
    agent         TEXT    NOT NULL PRIMARY KEY,
    -- JSON list; empty: all queues the agent may serve.
    queues        TEXT    NOT NULL,
    is_ready      INTEGER NOT NULL CHECK (is_ready IN (0, 1)),
    paused_reason TEXT
) STRICT, WITHOUT ROWID;

-- Finished calls, for reports. Can be rebuilt from the audit log.
CREATE TABLE calls (
    call        TEXT    NOT NULL PRIMARY KEY,
    started_us  INTEGER NOT NULL,
    answered_us INTEGER,
    ended_us    INTEGER NOT NULL,
    flow        TEXT    NOT NULL,
    flow_digest TEXT    NOT NULL,
    queue       TEXT,
    urgency     TEXT    NOT NULL,
    outcome     TEXT    NOT NULL,
    agent       TEXT,
    waited_ms   INTEGER,
    talked_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX calls_by_start ON calls (started_us);

-- Where in the audit log each call lies. An index only: rebuilt from the files when lost.
CREATE TABLE audit_calls (
    call      TEXT    NOT NULL PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The records before this one are in the index.
CREATE TABLE audit_indexed (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    size     INTEGER NOT NULL
) STRICT;
INSERT INTO audit_indexed VALUES (1, 0);
