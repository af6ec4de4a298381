-- What proves that bytes are stored, and that what lies under a key is ours.

-- 1 = the store told the CRC64 of the bytes that were sent. What was noted before
-- was checked so, or came from a store without CRC64.
ALTER TABLE parts ADD COLUMN proven BIGINT NOT NULL DEFAULT 1;

-- hls: the keys of the playlist and its pieces were found free, so that what lies
-- there now is ours.
ALTER TABLE files ADD COLUMN claimed BIGINT NOT NULL DEFAULT 0;
UPDATE files SET claimed=1 WHERE format='hls' AND (state IN ('stored','lost','expired')
    OR EXISTS (SELECT 1 FROM files p WHERE p.parent=files.id AND p.state='stored'));

CREATE INDEX files_upload ON files (upload) WHERE upload<>'';

-- The newest time that was believed, so that a clock that has stopped is known.
CREATE TABLE clock (
    id   BIGINT PRIMARY KEY,                  -- 1
    high BIGINT NOT NULL
);

-- Recordings whose rows are being deleted, some at a time.
CREATE TABLE pruned (
    recording BIGINT PRIMARY KEY
);
CREATE INDEX recordings_ended ON recordings (state, ended);
