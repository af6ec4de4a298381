package inspect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/adts"
	"github.com/live-recording/liverecord/internal/mux/flv"
	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/mux/hls/hlstest"
	"github.com/live-recording/liverecord/internal/mux/mp4"
)

// made is a file of our muxers.
func made(t testing.TB, f mux.Format, tracks []hooks.Track, samples []mux.Sample, room int64) []byte {
	t.Helper()
	m, err := f.New(tracks)
	if err != nil {
		t.Fatal(err)
	}
	var body []byte
	var records [][]byte
	flush := func() {
		b := m.Flush()
		for _, p := range b.Body {
			body = append(body, p...)
		}
		if len(b.Record) > 0 {
			records = append(records, bytes.Clone(b.Record))
		}
	}
	for i := range samples {
		if err := m.Write(&samples[i]); err != nil {
			t.Fatal(err)
		}
		if i%40 == 39 {
			flush()
		}
	}
	flush()
	h, err := f.Head(tracks, func(yield func([]byte, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}, int64(len(body)), room)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(h.Front, body, h.Back)
}

// playlist is an HLS recording of our muxers: objects by key.
func playlist(t testing.TB, s *hlstest.Source, c hls.Container) map[string][]byte {
	t.Helper()
	const key = "a/list"
	out := map[string][]byte{}
	m, err := c.New(s.Tracks)
	if err != nil {
		t.Fatal(err)
	}
	target := 2
	list := hls.NewPlaylist(c, target)
	cut := hls.NewCutter(s.Tracks, time.Second, target)
	n, began := 0, time.Duration(0)
	end := func(now time.Duration) {
		b := m.Flush()
		object := c.PieceKey(key, n)
		for _, p := range b.Body {
			out[object] = append(out[object], p...)
		}
		p := hls.Piece{URI: hls.URI(key, object), Duration: max(now-began, time.Millisecond)}
		if c == hls.FMP4 {
			p.Map = hls.URI(key, hls.InitKey(key, 0))
		}
		list.Add(p)
		n, began = n+1, now
	}
	now := time.Duration(0)
	for i := range s.Samples {
		x := &s.Samples[i]
		now = time.Duration(float64(x.DTS) / float64(s.Tracks[x.Track].ClockRate) * 1e9)
		if d := cut.Next(x); i > 0 && d.New {
			end(now)
			m.StartPiece()
		}
		if err := m.Write(x); err != nil {
			t.Fatal(err)
		}
	}
	end(now)
	if c == hls.FMP4 {
		if out[hls.InitKey(key, 0)], err = m.Init(); err != nil {
			t.Fatal(err)
		}
	}
	out[key+"_eof.m3u8"] = list.Render(false)
	return out
}

// coded keeps what ffmpeg made; nobody changes it.
var coded = map[string]*hlstest.Source{}

func source(t testing.TB, args ...string) *hlstest.Source {
	t.Helper()
	name := fmt.Sprint(args)
	if coded[name] == nil {
		coded[name] = code(t, args)
	}
	return coded[name]
}

func code(t testing.TB, args []string) *hlstest.Source {
	t.Helper()
	return hlstest.MakeSource(t, append([]string{"-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=4",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=4"}, args...)...)
}

var (
	classic = []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-c:a", "aac"}
	modern  = []string{"-c:v", "libx265", "-x265-params", "log-level=none", "-g", "25", "-c:a", "libopus"}
	pieces  = []string{"-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-c:a", "ac3"}
	vp9     = []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-c:a", "libmp3lame"}
)

// stream hides all but Read.
type stream struct{ io.Reader }

func walk(t testing.TB, k Kind, b []byte) []string {
	t.Helper()
	p, err := new(Reader).Read(k, stream{bytes.NewReader(b)})
	if err != nil {
		t.Fatal(err)
	}
	if p.Size != int64(len(b)) {
		t.Fatalf("%s: read %d of %d bytes", k, p.Size, len(b))
	}
	return p.Problems
}

// walkList reads a playlist and its segments.
func walkList(t testing.TB, objects map[string][]byte) (problems []string) {
	t.Helper()
	const key = "a/list_eof.m3u8"
	l, err := ReadPlaylist(key, bytes.NewReader(objects[key]))
	if err != nil {
		t.Fatal(err)
	}
	problems = l.Problems
	w, init := &Reader{}, ""
	step := func(object string) {
		k, _ := KindOf(object)
		b, ok := objects[object]
		if !ok {
			problems = append(problems, "missing "+object)
			return
		}
		p, err := w.Read(k, bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		problems = append(problems, p.Problems...)
	}
	for _, x := range l.Segments {
		if x.Discontinuity {
			w.Discontinuity()
		}
		if x.Map != init {
			init = x.Map
			step(init)
		}
		step(x.Object)
	}
	return problems
}

func files(t testing.TB) map[string][]byte {
	t.Helper()
	c, m := source(t, classic...), source(t, modern...)
	v, a := source(t, vp9...), source(t, pieces...)
	aac := source(t, "-vn", "-c:a", "aac")
	return map[string][]byte{
		"classic.mp4":     made(t, mp4.Format, c.Tracks, c.Samples, 0),
		"room.mp4":        made(t, mp4.Format, c.Tracks, c.Samples, 1<<16),
		"moov-behind.mp4": made(t, mp4.Format, c.Tracks, c.Samples, 4096),
		"modern.mp4":      made(t, mp4.Format, m.Tracks, m.Samples, 0),
		"vp9.mp4":         made(t, mp4.Format, v.Tracks, v.Samples, 0),
		"ac3.mp4":         made(t, mp4.Format, a.Tracks, a.Samples, 0),
		"classic.flv":     made(t, flv.Format, c.Tracks, c.Samples, 0),
		"room.flv":        made(t, flv.Format, c.Tracks, c.Samples, 1<<16),
		"modern.flv":      made(t, flv.Format, m.Tracks, m.Samples, 0),
		"vp9.flv":         made(t, flv.Format, v.Tracks, v.Samples, 0),
		"sound.aac":       made(t, adts.Format, aac.Tracks, aac.Samples, 0),
	}
}

// What our muxers made is whole, also read from a stream.
func TestWhole(t *testing.T) {
	for name, b := range files(t) {
		k, _ := KindOf(name)
		if p := walk(t, k, b); len(p) > 0 {
			t.Errorf("%s as a stream: %v", name, p)
		}
		p, err := new(Reader).Read(k, bytes.NewReader(b))
		if err != nil || len(p.Problems) > 0 {
			t.Errorf("%s: %v %v", name, p.Problems, err)
		}
		t.Log(name, p.Summary)
	}
	for name, args := range map[string][]string{"ts": classic, "fmp4": modern, "fmp4 with ac3": pieces} {
		c := hls.FMP4
		if name == "ts" {
			c = hls.TS
		}
		if p := walkList(t, playlist(t, source(t, args...), c)); len(p) > 0 {
			t.Errorf("%s: %v", name, p)
		}
	}
}

// A file that was cut is found out, wherever it was cut.
func TestCut(t *testing.T) {
	for name, b := range files(t) {
		k, _ := KindOf(name)
		r := rand.New(rand.NewPCG(1, uint64(len(b))))
		for range 200 {
			n := r.IntN(len(b))
			if k == AAC && boundary(b, n) {
				continue // whole frames: a shorter file, not a torn one
			}
			if p := walk(t, k, b[:n]); len(p) == 0 {
				t.Errorf("%s: %d of %d bytes pass", name, n, len(b))
			}
		}
	}
}

func boundary(b []byte, n int) bool {
	at := 0
	for at < n {
		_, size, err := adtsFrame(b[at:])
		if err != nil {
			return false
		}
		at += size
	}
	return at == n && n > 0
}

// A missing or doubled piece in the middle of a file is found out.
func TestHole(t *testing.T) {
	for name, b := range files(t) {
		k, _ := KindOf(name)
		r := rand.New(rand.NewPCG(2, uint64(len(b))))
		var passed []string
		for range 100 {
			from := r.IntN(len(b) - 10)
			to := min(from+1+r.IntN(3000), len(b)-1)
			if k == AAC && boundary(b, from) && boundary(b, to) {
				continue
			}
			if p := walk(t, k, slices.Concat(b[:from], b[to:])); len(p) == 0 {
				passed = append(passed, fmt.Sprintf("without bytes %d to %d of %d", from, to, len(b)))
			}
			if p := walk(t, k, slices.Concat(b[:to], b[from:])); len(p) == 0 {
				passed = append(passed, fmt.Sprintf("with bytes %d to %d twice", from, to))
			}
		}
		// Where a hole is just as long as a frame, ADTS has nothing that would tell.
		if k == AAC && len(passed) <= 4 {
			continue
		}
		for _, x := range passed {
			t.Errorf("%s passes %s", name, x)
		}
	}
}

// Every number of the tables counts.
func TestFlippedTables(t *testing.T) {
	s := source(t, classic...)
	whole := made(t, mp4.Format, s.Tracks, s.Samples, 0)
	for _, kind := range []string{"stsz", "co64", "stsc", "stts", "mdhd", "stsd", "trak", "moov", "mdat", "ftyp"} {
		at := bytes.Index(whole, []byte(kind))
		if at < 0 {
			t.Fatal(kind)
		}
		flip := func(i int) {
			b := bytes.Clone(whole)
			b[i] ^= 1
			if p := walk(t, MP4, b); len(p) == 0 {
				t.Errorf("byte %d of %s flipped: passes", i-at, kind)
			}
		}
		for i := range 4 {
			flip(at + i)     // type
			flip(at - 4 + i) // size
		}
		if size := int(binary.BigEndian.Uint32(whole[at-4:])); slices.Contains([]string{"stsz", "co64", "stsc"}, kind) {
			for i := 8; i < size-4; i++ {
				if kind == "stsc" && i >= 12 && (i-12)%12 >= 8 {
					continue // the number of the only description
				}
				flip(at + i)
			}
		}
	}
	f := made(t, flv.Format, s.Tracks, s.Samples, 0)
	for at, n := 13, 0; at < len(f); n++ {
		size := int(f[at+1])<<16 | int(f[at+2])<<8 | int(f[at+3])
		for _, i := range []int{0, 1, 2, 3, 8, 9, 10, 11 + size, 12 + size, 13 + size, 14 + size} {
			b := bytes.Clone(f)
			b[at+i] ^= 0x40
			if n%20 == 0 && len(walk(t, FLV, b)) == 0 {
				t.Errorf("FLV: byte %d of tag %d flipped: passes", i, n)
			}
		}
		at += size + 15
	}
}

func TestPlaylistDamage(t *testing.T) {
	for _, c := range []hls.Container{hls.TS, hls.FMP4} {
		whole := playlist(t, source(t, classic...), c)
		names := []string{}
		for n := range whole {
			if path.Ext(n) != ".m3u8" {
				names = append(names, n)
			}
		}
		slices.Sort(names)
		if len(names) < 4 {
			t.Fatal(names)
		}
		damaged := func(what string, change func(m map[string][]byte)) {
			m := map[string][]byte{}
			for n, b := range whole {
				m[n] = bytes.Clone(b)
			}
			change(m)
			if len(walkList(t, m)) == 0 {
				t.Errorf("%s: %s: passes", c, what)
			}
		}
		for _, n := range names {
			damaged("without "+n, func(m map[string][]byte) { delete(m, n) })
			damaged("cut "+n, func(m map[string][]byte) { m[n] = m[n][:len(m[n])*2/3] })
			damaged("empty "+n, func(m map[string][]byte) { m[n] = nil })
		}
		damaged("pieces changed places", func(m map[string][]byte) { m[names[0]], m[names[1]] = m[names[1]], m[names[0]] })
		if c == hls.TS {
			damaged("a packet is missing", func(m map[string][]byte) { m[names[1]] = slices.Delete(m[names[1]], 188*8, 188*9) })
			for i := range 4 {
				damaged("a flip in a packet's header", func(m map[string][]byte) { m[names[1]][188*9+i] ^= 2 })
			}
			damaged("a flip in the PMT", func(m map[string][]byte) { m[names[1]][188+20] ^= 1 })
		}
		list := "a/list_eof.m3u8"
		damaged("a longer piece", func(m map[string][]byte) {
			m[list] = bytes.Replace(m[list], []byte("EXTINF:1.0"), []byte("EXTINF:9.0"), 1)
		})
		damaged("a way out", func(m map[string][]byte) { m[list] = bytes.Replace(m[list], []byte("\nlist/"), []byte("\n../x/"), 1) })
	}
}

// Nothing that a file may hold makes the walk fail, panic, run for ever or take
// memory that the file does not back.
func TestMutations(t *testing.T) {
	all := files(t)
	for n, b := range playlist(t, source(t, classic...), hls.FMP4) {
		all[path.Base(n)] = b
	}
	for n, b := range playlist(t, source(t, classic...), hls.TS) {
		all[path.Base(n)] = b
	}
	for name, whole := range all {
		k, _ := KindOf(name)
		r := rand.New(rand.NewPCG(3, uint64(len(whole))))
		for range 150 {
			b := bytes.Clone(whole)
			for range 1 + r.IntN(8) {
				at := r.IntN(len(b))
				if r.IntN(2) == 0 {
					at = r.IntN(min(len(b), 4000)) // where the tables are
				}
				b[at] = [...]byte{0, 1, 0x7f, 0x80, 0xff, byte(r.Uint32())}[r.IntN(6)]
			}
			b = b[:len(b)-r.IntN(2)*r.IntN(len(b))]
			if k == M3U8 {
				if _, err := ReadPlaylist("k", bytes.NewReader(b)); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if n := len(walk(t, k, b)); n > maxProblems+1 {
				t.Errorf("%s: %d problems", name, n)
			}
		}
	}
}

// FuzzRead begins with what is small and has no need of tools.
func FuzzRead(f *testing.F) {
	kinds := []Kind{MP4, FLV, AAC, TS, M4S}
	f.Add(0, []byte("\x00\x00\x00\x10ftypisom\x00\x00\x02\x00\x00\x00\x00\x10moov\x00\x00\x00\x08trak\x00\x00\x00\x09mdat\x00"))
	f.Add(1, []byte("FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00\x12\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x0e"))
	f.Add(2, []byte{0xff, 0xf1, 0x50, 0x80, 0x01, 0x1f, 0xfc, 0})
	f.Add(3, append([]byte{0x47, 0x40, 0, 0x10, 0, 0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xf0, 0, 0x2a, 0xb1, 4, 0xb2}, make([]byte, 167)...))
	f.Add(4, []byte("\x00\x00\x00\x08styp\x00\x00\x00\x28moof\x00\x00\x00\x20traf\x00\x00\x00\x18trun\x00\x00\x02\x01\x00\x00\x00\x01\x00\x00\x00\x30\x00\x00\x00\x01\x00\x00\x00\x09mdat\x00"))
	f.Fuzz(func(t *testing.T, kind int, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		k := kinds[uint(kind)%uint(len(kinds))]
		p, err := new(Reader).Read(k, bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Problems) > maxProblems+1 {
			t.Errorf("%d problems", len(p.Problems))
		}
		if _, err := ReadPlaylist("k", bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
	})
}
