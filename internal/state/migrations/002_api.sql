-- What the API made: templates, rules, record tasks, callbacks. Times are Unix
-- nanoseconds.

CREATE TABLE api_ids (                        -- ids are counted up and never used twice
    kind TEXT   PRIMARY KEY,
    last BIGINT NOT NULL
);

CREATE TABLE api_templates (
    id      BIGINT PRIMARY KEY,
    name    TEXT   NOT NULL,
    body    TEXT   NOT NULL,                  -- JSON, as the API shows it
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

CREATE TABLE api_rules (
    id       BIGINT PRIMARY KEY,
    domain   TEXT   NOT NULL,
    app      TEXT   NOT NULL,                 -- '' = any
    stream   TEXT   NOT NULL,                 -- '' = any
    template BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    updated  BIGINT NOT NULL
);
CREATE UNIQUE INDEX api_rules_triple ON api_rules (domain, app, stream);
CREATE INDEX api_rules_template ON api_rules (template);

CREATE TABLE callback_templates (
    id      BIGINT PRIMARY KEY,
    name    TEXT   NOT NULL,
    body    TEXT   NOT NULL,                  -- JSON; holds the signing key
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

CREATE TABLE callback_rules (
    domain   TEXT   NOT NULL,
    app      TEXT   NOT NULL,
    template BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    updated  BIGINT NOT NULL,
    PRIMARY KEY (domain, app)
);
CREATE INDEX callback_rules_template ON callback_rules (template);

CREATE TABLE tasks (
    id          TEXT   PRIMARY KEY,
    domain      TEXT   NOT NULL,
    app         TEXT   NOT NULL,
    stream      TEXT   NOT NULL,
    starts      BIGINT NOT NULL,              -- as asked for
    ends        BIGINT NOT NULL,              -- as asked for
    template    BIGINT NOT NULL,              -- 0 = the default recording of tasks
    stream_type BIGINT NOT NULL,              -- 0 push, 1 mix
    created     BIGINT NOT NULL,
    stopped     BIGINT NOT NULL DEFAULT 0,
    deleted     BIGINT NOT NULL DEFAULT 0,
    -- What the clock asks for, so that it finds the few tasks of a moment among
    -- any number of others: see tasks.go.
    class       BIGINT NOT NULL,              -- by length
    opens       BIGINT NOT NULL,              -- starts, or when it was made if that is later; 0 = not for new publications any more
    closes      BIGINT NOT NULL               -- ends, or when it was stopped
);
CREATE INDEX tasks_list   ON tasks (starts, id);
CREATE INDEX tasks_now    ON tasks (class, opens, closes);
CREATE INDEX tasks_opens  ON tasks (opens);
CREATE INDEX tasks_closes ON tasks (closes);
