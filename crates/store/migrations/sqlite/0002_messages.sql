-- Messages callers left, each a sealed recording of the same name.
CREATE TABLE messages (
    recording  TEXT    NOT NULL PRIMARY KEY,
    call       TEXT    NOT NULL,
    inbox      TEXT    NOT NULL,
    is_urgent  INTEGER NOT NULL CHECK (is_urgent IN (0, 1)),
    arrived_us INTEGER NOT NULL,
    length_ms  INTEGER NOT NULL,
    -- new: nobody heard it; heard: somebody did; done: nothing is left to do.
    state      TEXT    NOT NULL CHECK (state IN ('new', 'heard', 'done'))
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_by_inbox ON messages (inbox, state, arrived_us);
