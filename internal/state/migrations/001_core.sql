-- Recordings and their files. Times are Unix nanoseconds, durations nanoseconds,
-- sizes bytes. Plain SQL on purpose: PostgreSQL may take SQLite's place.

CREATE TABLE recordings (
    id          BIGINT PRIMARY KEY,           -- RecordId, 19 digits
    path        TEXT   NOT NULL,              -- of the host
    domain      TEXT   NOT NULL,
    app         TEXT   NOT NULL,
    stream      TEXT   NOT NULL,
    task        TEXT   NOT NULL DEFAULT '',   -- TaskId; '' = made by a rule
    rule        TEXT   NOT NULL DEFAULT '',   -- DOMAIN/APP/STREAM of the rule, for people
    template    TEXT   NOT NULL,
    template_id BIGINT NOT NULL,
    plan        TEXT   NOT NULL,              -- JSON: the formats as pinned at the start
    state       TEXT   NOT NULL,              -- see State
    deadline    BIGINT NOT NULL DEFAULT 0,    -- while interrupted: when the splice window closes
    started     BIGINT NOT NULL,
    ended       BIGINT NOT NULL DEFAULT 0,
    joins       BIGINT NOT NULL DEFAULT 0,
    publication TEXT   NOT NULL,              -- JSON: the latest publication, secrets masked
    reason      TEXT   NOT NULL DEFAULT ''    -- why it ended
);
CREATE INDEX recordings_state  ON recordings (state);
CREATE INDEX recordings_stream ON recordings (domain, app, stream);

CREATE TABLE files (
    id        BIGINT PRIMARY KEY,
    recording BIGINT NOT NULL,
    parent    BIGINT NOT NULL DEFAULT 0,      -- of a piece: its playlist's file
    seq       BIGINT NOT NULL DEFAULT 0,      -- order among siblings
    format    TEXT   NOT NULL,                -- mp4 flv aac hls; of a piece: ts m4s init
    store     TEXT   NOT NULL,
    object    TEXT   NOT NULL,                -- key with extension
    state     TEXT   NOT NULL,                -- see FileState
    spool     TEXT   NOT NULL DEFAULT '',     -- base name of the spool file
    started   BIGINT NOT NULL,
    ended     BIGINT NOT NULL DEFAULT 0,
    duration  BIGINT NOT NULL DEFAULT 0,
    size      BIGINT NOT NULL DEFAULT 0,
    etag      TEXT   NOT NULL DEFAULT '',
    crc64     TEXT   NOT NULL DEFAULT '',     -- decimal; '' = unknown
    upload    TEXT   NOT NULL DEFAULT '',     -- id of the open multipart upload
    attempts  BIGINT NOT NULL DEFAULT 0,
    due       BIGINT NOT NULL DEFAULT 0,      -- not to be tried before
    error     TEXT   NOT NULL DEFAULT '',     -- the last failure
    expires   BIGINT NOT NULL DEFAULT 0,      -- local: when to delete; 0 = never
    detail    TEXT   NOT NULL DEFAULT '{}'    -- JSON, see FileDetail
);
CREATE INDEX files_state     ON files (state, due);
CREATE INDEX files_recording ON files (recording, parent, seq);
CREATE INDEX files_expires   ON files (expires);
-- Two files never share an object. What is gone from the store frees its name.
CREATE UNIQUE INDEX files_object ON files (store, object);

CREATE TABLE parts (
    file   BIGINT NOT NULL,
    number BIGINT NOT NULL,
    start  BIGINT NOT NULL,                   -- offset in the body; part 1: held-back bytes, 0
    size   BIGINT NOT NULL,
    etag   TEXT   NOT NULL,
    crc64  TEXT   NOT NULL,
    PRIMARY KEY (file, number)
);
