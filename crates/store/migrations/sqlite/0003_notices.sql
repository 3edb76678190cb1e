-- Notices of emergency calls that nobody has taken yet. A row goes when somebody takes it or it is given up.
CREATE TABLE notices (
    call   TEXT    NOT NULL,
    -- called, answered, failed, ended
    event  TEXT    NOT NULL,
    at_us  INTEGER NOT NULL,
    -- What is posted: JSON.
    body   TEXT    NOT NULL,
    PRIMARY KEY (call, event)
) STRICT;
