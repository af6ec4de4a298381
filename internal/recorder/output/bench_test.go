package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/adts"
	"github.com/live-recording/liverecord/internal/mux/flv"
	"github.com/live-recording/liverecord/internal/mux/mp4"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/timeline"
)

var (
	small = []byte{0x67, 0x42, 0xC0, 0x0C, 0xDA, 0x05, 0x07, 0xE8, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0C, 0x83, 0xC5, 0x0A, 0xA8}
	large = []byte{0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00,
		0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20}
	pps = []byte{0x68, 0xce, 0x3c, 0x80}
)

func h264(sps []byte) hooks.Track {
	return hooks.Track{Codec: hooks.H264, ClockRate: 90000, SPS: sps, PPS: pps}
}

func aac() hooks.Track {
	return hooks.Track{Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2, AudioConfig: []byte{0x11, 0x90}}
}

func g711() hooks.Track {
	return hooks.Track{Codec: hooks.G711, ClockRate: 8000, SampleRate: 8000, Channels: 1}
}

func opus() hooks.Track {
	return hooks.Track{Codec: hooks.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 2}
}

// book is a Ledger in memory, and a Reporter that writes down what it is given.
type book struct {
	t       *testing.T
	rows    map[int64]state.FileRow
	refuse  error  // of Insert and InsertPart
	moved   string // the playlists' object, if package upload gave them another
	aside   []string
	later   []string
	grew    map[int64]int64
	reports []string
}

func (b *book) Insert(row *state.FileRow, key string) error {
	if b.refuse != nil {
		return b.refuse
	}
	b.name(row, key)
	b.add(row)
	return nil
}

func (b *book) name(row *state.FileRow, key string) {
	if key == "" {
		return
	}
	format := config.FormatName(row.Format)
	row.Object = plan.Final(plan.Unique(key, func(key string) bool { return b.taken(plan.Final(key, format)) }), format)
}

func (b *book) taken(object string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(b.rows)), func(r state.FileRow) bool { return r.Object == object })
}

func (b *book) add(row *state.FileRow) {
	if b.taken(row.Object) {
		b.t.Errorf("%s twice", row.Object)
	}
	b.rows[row.ID] = *row
}

func (b *book) InsertPart(list, part *state.FileRow) error {
	if b.refuse != nil {
		return b.refuse
	}
	if b.moved != "" && b.moved != list.Object {
		old, _ := plan.PlaylistKey(list.Object)
		key, _ := plan.PlaylistKey(b.moved)
		part.Object, list.Object = key+strings.TrimPrefix(part.Object, old), b.moved
	}
	b.add(part)
	return nil
}

func (b *book) Save(row *state.FileRow) {
	if _, ok := b.rows[row.ID]; !ok {
		b.t.Errorf("%s was saved, and has no row", row.Object)
	}
	b.rows[row.ID] = *row
}

func (b *book) End(f *spool.File, row *state.FileRow, key string) {
	if err := f.Close(); err != nil {
		b.t.Log(err)
	}
	now := *row
	b.name(&now, key)
	b.Save(&now)
}

func (b *book) Drop(row *state.FileRow, dir *spool.Dir) {
	delete(b.rows, row.ID)
	if row.Spool != "" {
		if err := dir.Remove(row.Spool); err != nil {
			b.t.Error(err)
		}
	}
}

func (b *book) Later(row *state.FileRow, err error) {
	b.later = append(b.later, row.Object+": "+err.Error())
}

func (b *book) SetAside(row *state.FileRow, dir *spool.Dir, cause error) {
	if _, _, err := dir.SetAside(row.Spool); err != nil {
		b.t.Error(err)
	}
	b.aside = append(b.aside, row.Spool+": "+cause.Error())
}

func (b *book) Grew(row *state.FileRow, size int64)   { b.grew[row.ID] = size }
func (b *book) Owner() (json.RawMessage, error)       { return json.RawMessage(`{}`), nil }
func (b *book) File(id int64) (*state.FileRow, error) { row := b.rows[id]; return &row, nil }

func (b *book) Parts(list int64) ([]*state.FileRow, error) {
	return b.sorted(func(r *state.FileRow) bool { return r.Parent == list }), nil
}

// sorted returns copies of rows by format and number.
func (b *book) sorted(want func(*state.FileRow) bool) (out []*state.FileRow) {
	for _, r := range b.rows {
		if want(&r) {
			out = append(out, &r)
		}
	}
	slices.SortFunc(out, func(x, y *state.FileRow) int {
		return strings.Compare(fmt.Sprintf("%s %06d %d", x.Format, x.Seq, x.ID), fmt.Sprintf("%s %06d %d", y.Format, y.Seq, y.ID))
	})
	return out
}

func (b *book) report(format string, args ...any) {
	b.reports = append(b.reports, fmt.Sprintf(format, args...))
}
func (b *book) Started(f config.FormatName)                 { b.report("started %s", f) }
func (b *book) Failed(f config.FormatName, why error)       { b.report("failed: %v", why) }
func (b *book) Resumed(f config.FormatName, problem string) { b.report("resumed after %s", problem) }
func (b *book) Changed(f config.FormatName, had []*hooks.Track, now *hooks.Track) {
	b.report("changed: %d tracks, now %s", len(had), now.Codec)
}
func (b *book) Odd(f config.FormatName, why error) { b.report("odd: %v", why) }
func (b *book) LeftOut(f config.FormatName, track int, tr *hooks.Track, why error) {
	b.report("left out: %s", tr.Codec)
}
func (b *book) Unreadable(f config.FormatName, track int, tr *hooks.Track, why error) {
	b.report("unreadable: %s", tr.Codec)
}
func (b *book) Withheld()                               { b.report("withheld") }
func (b *book) Damaged(row *state.FileRow, bytes int64) { b.report("damaged: %d bytes", bytes) }

// count returns how many reports begin so.
func (b *book) count(prefix string) (n int) {
	for _, r := range b.reports {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

// bench records one output with a real timeline, muxers and spool.
type bench struct {
	*book
	f    config.Format
	path string
	dir  *spool.Dir
	rec  *Recording
	out  Output

	begun  time.Time
	at     time.Duration // media time of the next picture
	tracks []hooks.Track
}

// newBench gives a format what its template would. max bounds the spool.
func newBench(t *testing.T, f config.Format, max int64) *bench {
	b := &bench{f: f, path: t.TempDir(), begun: time.Now(), book: &book{t: t, rows: map[int64]state.FileRow{}, grew: map[int64]int64{}}}
	if b.f.Path == "" {
		b.f.Path = "{StreamID}/{StartSecond}"
	}
	b.f.Store, b.f.Segment = "s", 2*time.Second
	b.start(max)
	b.out = New(b.rec, b.f)
	t.Cleanup(func() {
		if b.out != nil {
			b.out.Abandon()
		}
		_ = b.dir.Close()
	})
	return b
}

// start opens the spool, and makes what a recording has at the start of a server.
func (b *bench) start(max int64) {
	dir, err := spool.Open(b.path, max, 0, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.dir = dir
	place := Place{Dir: dir, Room: func(time.Duration) int64 { return 8 << 10 }}
	b.rec = &Recording{ID: 1, Stream: plan.Stream{Name: "cam"}, Zone: time.UTC, Log: slog.New(slog.DiscardHandler),
		Ledger: b.book, Reporter: b.book, End: -1, Now: b.begun,
		Place:   func(string) (Place, error) { return place, nil },
		Formats: map[config.FormatName]mux.Format{config.MP4: mp4.Format, config.FLV: flv.Format, config.AAC: adts.Format}}
}

// online begins a publication.
func (b *bench) online(tracks ...hooks.Track) {
	b.tracks = tracks
	b.rec.Timeline = timeline.New(tracks, timeline.Options{FromStart: true, JoinAt: b.rec.End}, b.out.Write)
	b.out.Begin(b.rec.Timeline.Tracks())
}

// offline ends it, as the recording does.
func (b *bench) offline() time.Time {
	b.rec.Timeline.Flush()
	b.rec.End = b.rec.Timeline.End()
	until := b.out.Interrupt(b.rec.Now)
	b.rec.Timeline = nil
	return until
}

const frame = 40 * time.Millisecond

// picture delivers one access unit, and the sound that belongs to it.
func (b *bench) picture(nals ...[]byte) {
	b.rec.Now = b.begun.Add(b.at)
	for i := range b.tracks {
		clock := int64(b.tracks[i].ClockRate)
		u := hooks.Unit{Track: i, PTS: int64(b.at) * clock / int64(time.Second), NTP: b.rec.Now, Payload: nals}
		if !b.tracks[i].Codec.IsVideo() {
			u.Payload = [][]byte{bytes.Repeat([]byte{7}, 100)}
		}
		b.rec.Timeline.Write(u, b.rec.Now)
	}
	b.at += frame
	b.out.Tick(b.rec.Now)
}

func (b *bench) key()   { b.picture(append([]byte{0x65}, make([]byte, 500)...)) }
func (b *bench) other() { b.picture(append([]byte{0x41}, make([]byte, 100)...)) }

// gops delivers groups of a second; the key frames have parameter sets if sps is given.
func (b *bench) gops(n int, sps []byte) {
	for range n {
		if sps == nil {
			b.key()
		} else {
			b.picture(sps, pps, append([]byte{0x65}, make([]byte, 500)...))
		}
		for range 24 {
			b.other()
		}
	}
}

func (b *bench) finish() {
	if b.rec.Timeline != nil {
		b.rec.Timeline.Flush()
	}
	b.out.Finish("test")
}

func (b *bench) format(name string) []*state.FileRow {
	return b.sorted(func(r *state.FileRow) bool { return r.Format == name })
}

// durations checks how long the files of a format are, in media time.
func (b *bench) durations(format string, want ...time.Duration) []*state.FileRow {
	b.t.Helper()
	rows := b.format(format)
	var got []time.Duration
	for _, r := range rows {
		got = append(got, r.Duration.Round(time.Millisecond))
		if r.State != state.FileEnded || r.Size == 0 || r.Ended.IsZero() {
			b.t.Errorf("%s: %+v", r.Object, r)
		}
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("%s: %v, want %v", format, got, want)
	}
	return rows
}

// samples reads from the journal how many samples a file has.
func (b *bench) samples(row *state.FileRow) int64 {
	h, err := b.dir.Header(row.Spool)
	if err != nil {
		b.t.Fatal(err)
	}
	format, ok := Filler(b.rec.Formats, row.Format).(mux.Format)
	if !ok {
		b.t.Fatalf("%s has no format", row.Format)
	}
	info, err := format.Inspect(h.Tracks, b.dir.Records(row.Spool))
	if err != nil {
		b.t.Fatal(err)
	}
	return info.Samples
}

// crash drops all that the process knows, and opens the spool again.
func (b *bench) crash() {
	if err := b.dir.Close(); err != nil {
		b.t.Log(err)
	}
	b.out = nil
	b.start(0)
}

// reopen is what a start does with the rows of open files.
func (b *bench) reopen(until time.Time) {
	b.t.Helper()
	b.rec.Now = b.begun.Add(b.at)
	open := b.sorted(func(r *state.FileRow) bool { return r.State == state.FileOpen || r.State == state.FileWaiting })
	place, _ := b.rec.Place("s")
	var err error
	if b.out, err = Reopen(b.rec, b.f, place, open, func(time.Time) time.Time { return until }); err != nil {
		b.t.Fatal(err)
	}
}

var errState = errors.New("no state")
