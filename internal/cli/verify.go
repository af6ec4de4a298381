package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/live-recording/liverecord/internal/inspect"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// verdict is what verify found out about one object.
type verdict struct {
	Store    string   `json:"store,omitempty"`
	Object   string   `json:"object"`
	Good     bool     `json:"good"`
	Pending  bool     `json:"pending,omitempty"` // not stored yet
	Size     int64    `json:"size"`
	CRC64    string   `json:"crc64,omitempty"` // of what was read
	Summary  string   `json:"summary,omitempty"`
	Problems []string `json:"problems,omitempty"`
}

func (v *verdict) bad(format string, args ...any) {
	v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
}

// verifier collects verdicts.
type verifier struct {
	c    *command
	s    *settings
	db   *state.DB
	src  map[string]source
	list []verdict
}

// verify reads again what was stored.
func (c *command) verify(f *flag.FlagSet, args []string) (int, error) {
	c.jsonFlag(f)
	args, err := parse(f, args, 1, 1)
	if err != nil {
		return usage, err
	}
	v := &verifier{c: c, src: map[string]source{}, list: []verdict{}}
	defer v.close()
	from := v.byPath
	if _, err := os.Stat(args[0]); recordID.MatchString(args[0]) && err != nil {
		from = v.byID
	}
	if err := from(args[0]); err != nil {
		return bad, err
	}
	return v.conclude()
}

func (v *verifier) close() {
	for _, s := range v.src {
		s.close()
	}
	if v.db != nil {
		v.db.Close()
	}
}

// conclude sums up.
func (v *verifier) conclude() (int, error) {
	wrong, pending := 0, 0
	for _, x := range v.list {
		if !x.Good {
			wrong++
		} else if x.Pending {
			pending++
		}
	}
	status := good
	if wrong > 0 {
		status = bad
	}
	if v.c.json {
		return status, v.c.writeJSON(v.list)
	}
	switch {
	case len(v.list) == 0:
		return bad, errors.New("there is nothing to verify: no file was recorded")
	case wrong > 0:
		v.c.say("%d of %s not whole", wrong, count(len(v.list), "object"))
	default:
		v.c.say("whole: %s", count(len(v.list)-pending, "object"))
	}
	if pending > 0 {
		v.c.say("not stored yet: %s", count(pending, "object"))
	}
	return status, nil
}

// add takes a verdict, and prints it.
func (v *verifier) add(x verdict) {
	x.Good = len(x.Problems) == 0
	v.list = append(v.list, x)
	if v.c.json {
		return
	}
	mark, rest := "ok  ", ""
	switch {
	case !x.Good:
		mark = "BAD "
	case x.Pending:
		mark = "... "
	}
	if x.Size > 0 {
		rest = "  " + bytesText(x.Size)
	}
	if x.Summary != "" {
		rest += "  " + x.Summary
	}
	v.c.say("%s %s%s", mark, x.Object, rest)
	for _, p := range x.Problems {
		v.c.say("     %s", p)
	}
}

// byPath verifies a file of this machine.
func (v *verifier) byPath(name string) error {
	kind, ok := inspect.KindOf(name)
	if !ok {
		return misused("%s: its kind is not known; there are .mp4 .flv .aac .m3u8 .ts .m4s", name)
	}
	dir, base := filepath.Split(filepath.Clean(name))
	if dir == "" {
		dir = "."
	}
	src, err := openFolder(dir)
	if err != nil {
		return err
	}
	v.src[""] = src
	if _, err := src.head(v.c.ctx, base); err != nil {
		return fmt.Errorf("%s: %s", name, notThere(err))
	}
	if kind == inspect.M3U8 {
		v.playlist(src, base, nil, nil)
		return nil
	}
	x := verdict{Object: base}
	v.walk(&x, &inspect.Reader{}, src, base, nil)
	v.add(x)
	return nil
}

// byID verifies all files of a recording, or one file.
func (v *verifier) byID(text string) error {
	id, err := parseID(text)
	if err != nil {
		return err
	}
	if v.s, v.db, err = v.c.open(); err != nil {
		return err
	}
	rows, err := state.Files(v.c.ctx, v.db.Reader(), "WHERE recording=? AND parent=0 ORDER BY started, id", id)
	if err == nil && len(rows) == 0 {
		rows, err = state.Files(v.c.ctx, v.db.Reader(), "WHERE id=?", id)
	}
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		if _, err := state.RecordingByID(v.c.ctx, v.db.Reader(), id); err != nil {
			return fmt.Errorf("there is no recording and no file %d; `record list` and `record show` list them", id)
		}
	}
	for _, f := range rows {
		if err := v.row(f); err != nil {
			return err
		}
	}
	return v.c.ctx.Err()
}

// row verifies a file that the state knows.
func (v *verifier) row(f *state.FileRow) error {
	x := verdict{Store: f.Store, Object: f.Object}
	switch f.State {
	case state.FileStored:
		return v.stored(f)
	case state.FileExpired:
		x.Object, _, _ = strings.Cut(f.Object, "~expired-")
		x.Summary = "its time was over, it was deleted as configured"
	case state.FileLost:
		x.bad("it is lost: %s", f.Error)
	case state.FileParked:
		x.bad("it is not stored, it waits for you: %s", f.Error)
		v.spooled(&x, f)
	default:
		x.Pending, x.Summary = true, "not stored yet ("+string(f.State)+")"
		if f.Format != string(formatHLS) {
			v.spooled(&x, f)
		}
	}
	v.add(x)
	return nil
}

// formatHLS is the format of rows of playlists.
const formatHLS = inspect.Kind("hls")

// spooled looks at what the spool holds of a file.
func (v *verifier) spooled(x *verdict, f *state.FileRow) {
	dir := v.s.growDir(f.Store)
	if _, err := os.Stat(dir); err != nil {
		x.bad("%v", err)
		return
	}
	d, err := spool.Open(dir, 0, 0, nil)
	if err != nil {
		x.bad("%v", err)
		return
	}
	defer d.Close()
	_, rep, err := d.Examine(f.Spool)
	if err != nil {
		x.bad("in the spool: %v", err)
		return
	}
	x.Summary = strings.TrimSpace(x.Summary + fmt.Sprintf(", %s of it whole in the spool", bytesText(rep.Body)))
	if rep.Damaged > 0 {
		x.bad("%d bytes in the spool are damaged; they are left out, the rest is stored", rep.Damaged)
	}
	if f.State == state.FileEnded && rep.Body < f.Size {
		x.bad("the spool holds %d bytes of %d", rep.Body, f.Size)
	}
}

// stored verifies what a store confirmed.
func (v *verifier) stored(f *state.FileRow) error {
	src, err := v.source(f.Store)
	if err != nil {
		v.add(verdict{Store: f.Store, Object: f.Object, Problems: []string{err.Error()}})
		return nil //nolint:nilerr // a finding, not a failure of the survey
	}
	if f.Format == string(formatHLS) {
		pieces, err := state.Files(v.c.ctx, v.db.Reader(), "WHERE parent=?", f.ID)
		if err != nil {
			return err
		}
		v.playlist(src, f.Object, f, pieces)
		return nil
	}
	x := verdict{Store: f.Store, Object: f.Object}
	v.walk(&x, &inspect.Reader{}, src, f.Object, f)
	v.add(x)
	return nil
}

// walk reads an object to its end, and compares it with the state (row may be
// nil) and with what the store says.
func (v *verifier) walk(x *verdict, w *inspect.Reader, src source, key string, row *state.FileRow) {
	kind, ok := inspect.KindOf(key)
	if !ok {
		x.bad("its kind is not known")
		return
	}
	got, err := readObject(v.c.ctx, src, key, func(r io.Reader) (*inspect.Report, error) { return w.Read(kind, r) })
	if err != nil {
		x.bad("%s", notThere(err))
		return
	}
	got.fill(x, row)
}

// fill writes down what was read.
func (g *readResult) fill(x *verdict, row *state.FileRow) {
	x.Size, x.Summary = g.sum.Size, g.report.Summary
	x.CRC64 = strconv.FormatUint(g.sum.CRC, 10)
	x.Problems = append(x.Problems, g.report.Problems...)
	if g.head.Size != g.sum.Size {
		x.bad("%d bytes came, the store says that there are %d", g.sum.Size, g.head.Size)
	}
	if g.head.HasCRC && g.head.CRC64 != g.sum.CRC {
		x.bad("the CRC64 of what came is %d, the store says %d", g.sum.CRC, g.head.CRC64)
	}
	if row == nil {
		return
	}
	if row.Size != g.sum.Size {
		x.bad("it has %d bytes, when it was stored it had %d", g.sum.Size, row.Size)
	}
	if row.HasCRC && row.CRC64 != g.sum.CRC {
		x.bad("its CRC64 is %d, when it was stored it was %d", g.sum.CRC, row.CRC64)
	}
}
