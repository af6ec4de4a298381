-- Where files grew in the last run.

CREATE TABLE places (
    store TEXT PRIMARY KEY,                   -- a local one; '' = the spool of all others
    dir   TEXT NOT NULL                       -- absolute
);
