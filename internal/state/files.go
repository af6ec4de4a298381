package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// FileState is where a file stands.
type FileState string

// The states of a file.
const (
	FileOpen    FileState = "open"    // is written by the recorder
	FileWaiting FileState = "waiting" // its recording is interrupted; may be resumed
	FileEnded   FileState = "ended"   // complete in the spool; on its way to the store
	FileStored  FileState = "stored"  // the store confirmed it
	FileParked  FileState = "parked"  // can't be stored without a human; its bytes are kept
	FileLost    FileState = "lost"    // its bytes are gone (and that was told)
	FileExpired FileState = "expired" // was stored, and deleted when its time was over
)

// Formats of pieces and other parts of a playlist; the formats of whole files
// are those of package config.
const (
	FormatTS   = "ts"
	FormatM4S  = "m4s"
	FormatInit = "init"
)

// FileRow is one finished or growing object.
type FileRow struct {
	ID        int64
	Recording int64
	Parent    int64 // of a piece: its playlist
	Seq       int   // order among siblings
	Format    string
	Store     string
	Object    string // key with extension
	State     FileState
	Spool     string // base name of the spool file; empty if there is none
	Started   time.Time
	Ended     time.Time
	Duration  time.Duration // media time
	Size      int64         // bytes: of the body when it has ended, of the whole object once stored
	ETag      string
	CRC64     uint64
	HasCRC    bool
	Upload    string // id of the open multipart upload
	Attempts  int
	Due       time.Time // not to be tried before
	Error     string
	Expires   time.Time // local: when to delete; zero = never
	// KeepFor > 0: it is to be deleted so long after the clock is known to be
	// right; Expires is zero until then. Stored as a negative expires.
	KeepFor time.Duration
	Detail  FileDetail
	Claimed bool // hls: its keys were found free; what lies there is ours. Written by ClaimList only
}

// FileDetail is what only some formats or listings need.
type FileDetail struct {
	VideoCodec string   `json:"videoCodec,omitempty"`
	AudioCodec string   `json:"audioCodec,omitempty"`
	Width      int      `json:"width,omitempty"`
	Height     int      `json:"height,omitempty"`
	FastStart  bool     `json:"fastStart,omitempty"`  // mp4: moov in front wanted
	Keep       int64    `json:"keep,omitempty"`       // ns
	Live       bool     `json:"live,omitempty"`       // hls: KEY.m3u8 grows while recording
	Interval   int64    `json:"interval,omitempty"`   // ns, for the room of the head
	MediaStart int64    `json:"mediaStart,omitempty"` // first PTS of the publication, ms
	LeftOut    []string `json:"leftOut,omitempty"`    // tracks that the format can't hold

	// What a repair left out, bytes: torn off at the end, and damaged within.
	Cut     int64 `json:"cut,omitempty"`
	Damaged int64 `json:"damaged,omitempty"`

	// hls, see package hls
	Target    int    `json:"target,omitempty"`    // playlist: target duration, s
	Container string `json:"container,omitempty"` // playlist: ts or fmp4

	// pieces
	PDT           int64  `json:"pdt,omitempty"` // program date time, Unix ns
	Discontinuity bool   `json:"discontinuity,omitempty"`
	Map           string `json:"map,omitempty"` // URI of the init section
	Independent   bool   `json:"independent,omitempty"`
	End           int64  `json:"end,omitempty"`    // on the recording's timeline, ns
	Origin        int64  `json:"origin,omitempty"` // second of the timeline that has time stamp zero
}

const fileColumns = `id, recording, parent, seq, format, store, object, state, spool, started, ended, duration, size,
	etag, crc64, upload, attempts, due, error, expires, detail, claimed`

// InsertFile adds a file. The pair of store and object must be new, see TakenObject.
func (t *Tx) InsertFile(f *FileRow) error {
	detail, err := json.Marshal(f.Detail)
	if err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO files (`+fileColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		f.ID, f.Recording, f.Parent, f.Seq, f.Format, f.Store, f.Object, string(f.State), f.Spool,
		Nanos(f.Started), Nanos(f.Ended), int64(f.Duration), f.Size, f.ETag, crcText(f), f.Upload, f.Attempts,
		Nanos(f.Due), f.Error, f.expiry(), string(detail), number(f.Claimed))
	return err
}

// UpdateFile writes what the recorder knows of a file: object, state, times,
// size and detail. What package upload notes is left alone; so is the object of a
// playlist and its pieces, which may get another key there, see ClaimList.
func (t *Tx) UpdateFile(f *FileRow) error {
	detail, err := json.Marshal(f.Detail)
	if err != nil {
		return err
	}
	return t.one(`UPDATE files SET object = CASE WHEN format='hls' OR parent<>0 THEN object ELSE ? END, state=?, started=?, ended=?, duration=?, size=?, detail=? WHERE id=?`,
		f.Object, string(f.State), Nanos(f.Started), Nanos(f.Ended), int64(f.Duration), f.Size, string(detail), f.ID)
}

// UpdateUpload writes what package upload knows of a file on its way.
func (t *Tx) UpdateUpload(f *FileRow) error {
	return t.one(`UPDATE files SET upload=?, attempts=?, due=?, error=? WHERE id=?`,
		f.Upload, f.Attempts, Nanos(f.Due), f.Error, f.ID)
}

// SettleFile writes the end of a file's way: stored, parked, lost, expired, or
// back to ended; with its final object, size, checksum and expiry.
func (t *Tx) SettleFile(f *FileRow) error {
	return t.one(`UPDATE files SET object=?, state=?, size=?, etag=?, crc64=?, upload=?, attempts=?, due=?, error=?, expires=?
		WHERE id=?`, f.Object, string(f.State), f.Size, f.ETag, crcText(f), f.Upload, f.Attempts, Nanos(f.Due), f.Error,
		f.expiry(), f.ID)
}

func (f *FileRow) expiry() int64 {
	if f.KeepFor > 0 {
		return -int64(f.KeepFor)
	}
	return Nanos(f.Expires)
}

// DeleteFile removes a row and its parts.
func (t *Tx) DeleteFile(id int64) error {
	if _, err := t.Exec(`DELETE FROM parts WHERE file=?`, id); err != nil {
		return err
	}
	return t.one(`DELETE FROM files WHERE id=?`, id)
}

// TakenObject tells whether a file owns that object of the store.
func (t *Tx) TakenObject(store, object string) (bool, error) {
	var n int
	err := t.QueryRow(`SELECT COUNT(*) FROM files WHERE store=? AND object=?`, store, object).Scan(&n)
	return n > 0, err
}

// FileByID returns one file.
func FileByID(ctx context.Context, q Querier, id int64) (*FileRow, error) {
	rows, err := Files(ctx, q, "WHERE id=?", id)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("file %d: %w", id, ErrNotFound)
	}
	return rows[0], nil
}

// Files returns the rows that a constant SQL tail ("WHERE … ORDER BY …") selects.
func Files(ctx context.Context, q Querier, tail string, args ...any) ([]*FileRow, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+fileColumns+` FROM files `+tail, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*FileRow
	for rows.Next() {
		f, err := scanFile(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

func scanFile(rows *sql.Rows) (*FileRow, error) {
	var f FileRow
	var started, ended, duration, due, expires, claimed int64
	var crc, detail string
	err := rows.Scan(&f.ID, &f.Recording, &f.Parent, &f.Seq, &f.Format, &f.Store, &f.Object, (*string)(&f.State), &f.Spool,
		&started, &ended, &duration, &f.Size, &f.ETag, &crc, &f.Upload, &f.Attempts, &due, &f.Error, &expires, &detail, &claimed)
	if err != nil {
		return nil, err
	}
	f.Started, f.Ended, f.Due = Time(started), Time(ended), Time(due)
	if f.KeepFor = time.Duration(-expires); expires >= 0 {
		f.Expires, f.KeepFor = Time(expires), 0
	}
	f.Duration, f.Claimed = time.Duration(duration), claimed != 0
	if crc != "" {
		if f.CRC64, err = strconv.ParseUint(crc, 10, 64); err != nil {
			return nil, fmt.Errorf("file %d: crc64: %w", f.ID, err)
		}
		f.HasCRC = true
	}
	if err := json.Unmarshal([]byte(detail), &f.Detail); err != nil {
		return nil, fmt.Errorf("file %d: detail: %w", f.ID, err)
	}
	return &f, nil
}

func crcText(f *FileRow) string {
	if !f.HasCRC {
		return ""
	}
	return strconv.FormatUint(f.CRC64, 10)
}
