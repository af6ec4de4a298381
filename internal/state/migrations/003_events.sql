-- Events and their way to each endpoint. Times are Unix nanoseconds.

CREATE TABLE events (
    id        TEXT   PRIMARY KEY,             -- X-Event-Id
    recording BIGINT NOT NULL,                -- 0 = of no recording
    sequence  BIGINT NOT NULL,                -- 1, 2, 3 … in the recording
    kind      TEXT   NOT NULL,                -- file, status, abnormal
    type      BIGINT NOT NULL,                -- event_type: 100, 332, 341
    level     TEXT   NOT NULL DEFAULT '',     -- of abnormal events: info, warning, error
    domain    TEXT   NOT NULL,
    app       TEXT   NOT NULL,
    stream    TEXT   NOT NULL,
    body      TEXT   NOT NULL,                -- JSON object without sign and t
    created   BIGINT NOT NULL
);
CREATE UNIQUE INDEX events_recording ON events (recording, sequence);
CREATE INDEX events_created ON events (created);

-- The deliveries of one recording to one endpoint are a lane. Only the lowest
-- waiting one of a lane has a due time; those behind it have the largest BIGINT
-- and are called up when it is settled.
CREATE TABLE deliveries (
    event     TEXT   NOT NULL,
    endpoint  TEXT   NOT NULL,
    recording BIGINT NOT NULL,
    sequence  BIGINT NOT NULL,
    state     TEXT   NOT NULL,                -- waiting, delivered, parked
    attempts  BIGINT NOT NULL DEFAULT 0,
    refused   BIGINT NOT NULL DEFAULT 0,      -- of these: answered 4xx
    queued    BIGINT NOT NULL,                -- the three days count from here
    due       BIGINT NOT NULL,                -- not to be tried before
    tried     BIGINT NOT NULL DEFAULT 0,      -- the latest attempt
    status    BIGINT NOT NULL DEFAULT 0,      -- its HTTP status, 0 = no answer
    error     TEXT   NOT NULL DEFAULT '',     -- its failure
    PRIMARY KEY (event, endpoint)
);
CREATE INDEX deliveries_due  ON deliveries (state, endpoint, due);
CREATE INDEX deliveries_lane ON deliveries (endpoint, recording, state, sequence);
