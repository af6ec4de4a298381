package state

import (
	"context"
	"database/sql"
	"strconv"
)

// PartRow is one uploaded part of a growing file.
type PartRow struct {
	File   int64
	Number int
	Start  int64 // offset in the body
	Size   int64 // bytes sent (part 1: head and held-back body)
	ETag   string
	CRC64  uint64
	HasCRC bool // CRC64 is that of the bytes sent; false: the part was found in the store
	Proven bool // the store told the same CRC64
}

// PutPart notes an acknowledged part; the same number replaces.
func (t *Tx) PutPart(p PartRow) error {
	crc := ""
	if p.HasCRC {
		crc = strconv.FormatUint(p.CRC64, 10)
	}
	_, err := t.Exec(`INSERT INTO parts (file, number, start, size, etag, crc64, proven) VALUES (?,?,?,?,?,?,?)
		ON CONFLICT (file, number) DO UPDATE SET start=excluded.start, size=excluded.size, etag=excluded.etag,
		crc64=excluded.crc64, proven=excluded.proven`, p.File, p.Number, p.Start, p.Size, p.ETag, crc, number(p.Proven))
	return err
}

// number is the stored form of a truth value.
func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// DeleteParts forgets a file's parts (the upload is restarted, or is over).
func (t *Tx) DeleteParts(file int64) error {
	_, err := t.Exec(`DELETE FROM parts WHERE file=?`, file)
	return err
}

// Parts returns a file's parts in order of their numbers.
func Parts(ctx context.Context, q Querier, file int64) ([]PartRow, error) {
	rows, err := q.QueryContext(ctx, `SELECT file, number, start, size, etag, crc64, proven FROM parts WHERE file=? ORDER BY number`, file)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return scanParts(rows)
}

func scanParts(rows *sql.Rows) ([]PartRow, error) {
	var out []PartRow
	for rows.Next() {
		var p PartRow
		var crc string
		var proven int64
		if err := rows.Scan(&p.File, &p.Number, &p.Start, &p.Size, &p.ETag, &crc, &proven); err != nil {
			return nil, err
		}
		p.Proven = proven != 0
		if p.HasCRC = crc != ""; p.HasCRC {
			var err error
			if p.CRC64, err = strconv.ParseUint(crc, 10, 64); err != nil {
				return nil, err
			}
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// UploadKnown tells whether a file of the store has that open upload.
func UploadKnown(ctx context.Context, q Querier, store, upload string) (bool, error) {
	rows, err := q.QueryContext(ctx, `SELECT 1 FROM files WHERE upload=? AND store=? LIMIT 1`, upload, store)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	return rows.Next(), rows.Err()
}
