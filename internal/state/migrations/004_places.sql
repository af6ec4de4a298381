-- Where files of each store grew when it was last used.

CREATE TABLE places (
    store TEXT PRIMARY KEY,
    dir   TEXT NOT NULL,                      -- of a local store; '' = a remote one
    grow  TEXT NOT NULL                       -- the folder of growing files, absolute
);
