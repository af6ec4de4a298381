package mp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// recording is a body and its journal in memory.
type recording struct {
	tracks []hooks.Track
	body   []byte
	recs   [][]byte
	ends   []int // of the body behind each record
}

func (r *recording) records() mux.Records { return prefix(r.recs) }

func prefix(recs [][]byte) mux.Records {
	return func(yield func([]byte, error) bool) {
		for _, b := range recs {
			// The contract: valid until the next step only.
			c := bytes.Clone(b)
			if !yield(c, nil) {
				return
			}
			clear(c)
		}
	}
}

// flush appends a batch as a spool does.
func (r *recording) flush(t testing.TB, m mux.Muxer) {
	t.Helper()
	before, buffered := len(r.body), m.Buffered()
	b := m.Flush()
	for _, p := range b.Body {
		r.body = append(r.body, p...)
	}
	if int64(len(r.body)-before) != b.Size || int64(buffered) != b.Size || (b.Size == 0) != (len(b.Record) == 0) {
		t.Fatalf("batch of %d bytes, size %d, buffered %d, record %d", len(r.body)-before, b.Size, buffered, len(b.Record))
	}
	if b.Size > 0 {
		r.recs = append(r.recs, bytes.Clone(b.Record))
		r.ends = append(r.ends, len(r.body))
	}
}

// record muxes samples, flushing after every so many.
func record(t testing.TB, tracks []hooks.Track, samples []mux.Sample, every int) *recording {
	t.Helper()
	m, err := Format.New(tracks)
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{tracks: tracks}
	r.write(t, m, samples, every)
	return r
}

func (r *recording) write(t testing.TB, m mux.Muxer, samples []mux.Sample, every int) {
	t.Helper()
	for i := range samples {
		if err := m.Write(&samples[i]); err != nil && !errors.Is(err, ErrEmpty) {
			t.Fatal(err)
		}
		if i%every == every-1 {
			r.flush(t, m)
		}
	}
	r.flush(t, m)
	r.flush(t, m) // nothing more
}

func (r *recording) head(t testing.TB, room int64) mux.Head {
	t.Helper()
	h, err := Format.Head(r.tracks, r.records(), int64(len(r.body)), room)
	if err != nil {
		t.Fatal(err)
	}
	if room > 0 && int64(len(h.Front)) != room {
		t.Fatalf("front is %d bytes, want %d", len(h.Front), room)
	}
	return h
}

func (r *recording) bytes(t testing.TB, room int64) []byte {
	t.Helper()
	h := r.head(t, room)
	return bytes.Join([][]byte{h.Front, r.body, h.Back}, nil)
}

// save writes the finished file.
func (r *recording) save(t testing.TB, room int64) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "out.mp4")
	if err := os.WriteFile(file, r.bytes(t, room), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// box is what the walker finds: kind, position, and content.
type box struct {
	kind    string
	at      int
	content []byte
}

// walk lists the boxes of b; a wrong size fails the test.
func walk(t testing.TB, b []byte) []box {
	t.Helper()
	var list []box
	for at := 0; at < len(b); {
		if len(b)-at < 8 {
			t.Fatalf("%d bytes behind the last box", len(b)-at)
		}
		size, header := int(binary.BigEndian.Uint32(b[at:])), 8
		if size == 1 {
			size, header = int(binary.BigEndian.Uint64(b[at+8:])), 16
		}
		if size < header || size > len(b)-at {
			t.Fatalf("box %q at %d has size %d of %d", b[at+4:at+8], at, size, len(b)-at)
		}
		list = append(list, box{string(b[at+4 : at+8]), at, b[at+header : at+size]})
		at += size
	}
	return list
}

// find returns the contents of all boxes at a path such as moov/trak/mdia.
func find(t testing.TB, b []byte, path string) [][]byte {
	t.Helper()
	kind, rest, more := strings.Cut(path, "/")
	var found [][]byte
	for _, x := range walk(t, b) {
		switch {
		case x.kind != kind:
		case more:
			found = append(found, find(t, x.content, rest)...)
		default:
			found = append(found, x.content)
		}
	}
	return found
}

// order is the top-level boxes of a file, for instance "ftyp moov mdat".
func order(t testing.TB, b []byte) string {
	t.Helper()
	var kinds []string
	for _, x := range walk(t, b) {
		kinds = append(kinds, x.kind)
	}
	return strings.Join(kinds, " ")
}

// packet is a line of ffprobe.
type packet struct {
	PTS, DTS int64
	Key      bool
}

func probePackets(t testing.TB, file, spec string) []packet {
	t.Helper()
	var list []packet
	csv := tool(t, "ffprobe", "-select_streams", spec, "-show_entries", "packet=pts,dts,flags", "-of", "csv=p=0", file)
	for line := range strings.Lines(string(csv)) {
		f := strings.Split(strings.TrimSpace(line), ",")
		if len(f) < 3 { // side data
			continue
		}
		list = append(list, packet{number(t, f[0]), number(t, f[1]), strings.HasPrefix(f[2], "K")})
	}
	return list
}

// checkTimes compares the time stamps of a file's stream with the samples, whose
// common origin is zero, given in ticks of the track.
func checkTimes(t testing.TB, file, spec string, samples []mux.Sample, track int, zero int64) {
	t.Helper()
	var want []packet
	for _, s := range samples {
		if s.Track == track {
			want = append(want, packet{s.PTS - zero, s.DTS - zero, s.Sync})
		}
	}
	got := probePackets(t, file, spec)
	if len(got) != len(want) {
		t.Fatalf("stream %s: %d packets, want %d", spec, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("stream %s, packet %d: %+v, want %+v", spec, i, got[i], want[i])
		}
	}
}

// decoded is the hash of all decoded frames of a stream.
func decoded(t testing.TB, file, spec string) string {
	t.Helper()
	return string(tool(t, "ffmpeg", "-i", file, "-map", "0:"+spec, "-fps_mode", "passthrough", "-f", "streamhash", "-"))
}

// copied is the hash of all packets of a stream.
func copied(t testing.TB, file, spec string, more ...string) string {
	t.Helper()
	args := append([]string{"-i", file, "-map", "0:" + spec, "-c", "copy"}, more...)
	return string(tool(t, "ffmpeg", append(args, "-f", "streamhash", "-")...))
}

// decodes fails unless ffmpeg decodes the whole file without a word.
func decodes(t testing.TB, file string) {
	t.Helper()
	tool(t, "ffprobe", file)
	tool(t, "ffmpeg", "-i", file, "-f", "null", "-")
}

func codecName(t testing.TB, file, spec string) string {
	t.Helper()
	out := tool(t, "ffprobe", "-select_streams", spec, "-show_entries",
		"stream=codec_name,width,height,sample_rate,channels", "-of", "csv=p=0", file)
	return strings.TrimRight(string(out), ",\n")
}

// cut is a part of a stream.
func cut(s *stream, from, to int) *stream {
	return &stream{file: s.file, track: s.track, samples: append([]mux.Sample(nil), s.samples[from:to]...)}
}

func shift(s *stream, ticks int64) *stream {
	c := cut(s, 0, len(s.samples))
	for i := range c.samples {
		c.samples[i].PTS += ticks
		c.samples[i].DTS += ticks
	}
	return c
}

func name(v ...any) string { return strings.ReplaceAll(fmt.Sprint(v...), " ", "-") }

// entryChild is the content of a box inside the first sample entry of a file,
// whose own fields have so many bytes.
func entryChild(t testing.TB, file string, fields int, kind string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	stsd := find(t, b, "moov/trak/mdia/minf/stbl/stsd")[0]
	entry := walk(t, stsd[8:])[0]
	found := find(t, entry.content[fields:], kind)
	if len(found) == 0 {
		t.Fatalf("%s: no %s in %s", file, kind, entry.kind)
	}
	return string(found[0])
}
