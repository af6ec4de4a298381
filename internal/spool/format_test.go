package spool_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/feedtest"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/adts"
	"github.com/live-recording/liverecord/internal/mux/flv"
	"github.com/live-recording/liverecord/internal/mux/fmp4"
	"github.com/live-recording/liverecord/internal/mux/mp4"
	"github.com/live-recording/liverecord/internal/mux/mpegts"
	"github.com/live-recording/liverecord/internal/spool"
)

// kinds are the formats of spool files.
var kinds = []struct {
	name   string
	format mux.Format
}{{"mp4", mp4.Format}, {"flv", flv.Format}, {"aac", adts.Format}, {"ts", mpegts.Format{}}, {"m4s", fmp4.Format{}}}

// recorded is a file as the recorder writes it, and what is in it.
type recorded struct {
	dir     *spool.Dir
	tracks  []hooks.Track
	format  mux.Format
	body    []byte
	records [][]byte // in order
	ends    []int64  // of the batches in the body
}

func record(t testing.TB, dir *spool.Dir, name string, format mux.Format, media *feedtest.Media) *recorded {
	t.Helper()
	r := &recorded{dir: dir, format: format}
	slots := map[int]int{}
	for i := range media.Tracks {
		if format.Accepts(media.Tracks[i].Codec) {
			slots[i] = len(r.tracks)
			r.tracks = append(r.tracks, media.Tracks[i])
		}
	}
	m, err := format.New(r.tracks)
	require.NoError(t, err)
	f, err := dir.Create(name, spool.Header{File: 7, Format: "x", Tracks: r.tracks})
	require.NoError(t, err)
	flush := func() {
		b := m.Flush()
		if b.Size == 0 {
			return
		}
		require.NoError(t, f.Append(b))
		r.body = append(r.body, bytes.Join(b.Body, nil)...)
		r.records, r.ends = append(r.records, bytes.Clone(b.Record)), append(r.ends, f.Size())
	}
	for round := range 3 {
		for i, u := range media.Round(round) {
			slot, ok := slots[u.Track]
			if !ok {
				continue
			}
			s := mux.Sample{Track: slot, PTS: u.PTS, DTS: u.DTS, Payload: u.Payload, Sync: true, NTP: u.NTP}
			if media.Tracks[u.Track].Codec.IsVideo() {
				s.Sync = slices.ContainsFunc(u.Payload, func(n []byte) bool { return n[0]&31 == 5 })
			} else {
				s.Dur = 1024
			}
			require.NoError(t, m.Write(&s))
			if i%9 == 8 {
				flush()
			}
		}
	}
	flush()
	require.NoError(t, f.Close())
	return r
}

// object is the finished file.
func (r *recorded) object(t testing.TB, name string) []byte {
	t.Helper()
	h, rep, err := r.dir.Examine(name)
	require.NoError(t, err)
	head, err := r.format.Head(h.Tracks, r.dir.Records(name), rep.Body, 0)
	require.NoError(t, err)
	b, err := r.dir.Body(name, h.Room, rep.Body)
	require.NoError(t, err)
	defer b.Close()
	body := make([]byte, rep.Body)
	_, err = b.ReadAt(body, 0)
	require.NoError(t, err)
	return append(append(bytes.Clone(head.Front), body...), head.Back...)
}

// check: each record of which neither frame nor bytes were hit is kept, where it
// was, and in order.
func (r *recorded) check(t testing.TB, name string, rep spool.Report, hit func(k int) bool) {
	t.Helper()
	var got [][]byte
	offset := int64(0)
	at := map[int64][]byte{}
	for rec, err := range r.dir.Records(name) {
		require.NoError(t, err)
		if n, ok := mux.IsGap(rec); ok {
			offset += n
			continue
		}
		got = append(got, bytes.Clone(rec))
		at[offset] = got[len(got)-1]
		for k, e := range r.ends {
			if begin(r.ends, k) == offset {
				offset = e
				break
			}
		}
	}
	h, _, err := r.dir.Examine(name)
	require.NoError(t, err)
	b, err := r.dir.Body(name, h.Room, rep.Body)
	require.NoError(t, err)
	defer b.Close()
	for k, e := range r.ends {
		if hit(k) {
			continue
		}
		require.Equal(t, r.records[k], at[begin(r.ends, k)], "record %d of %d", k, len(r.ends))
		p := make([]byte, e-begin(r.ends, k))
		_, err := b.ReadAt(p, begin(r.ends, k))
		require.NoError(t, err)
		require.Equal(t, r.body[begin(r.ends, k):e], p, "bytes of record %d", k)
	}
}

func begin(ends []int64, k int) int64 {
	if k == 0 {
		return 0
	}
	return ends[k-1]
}

func media(t testing.TB) *feedtest.Media {
	return feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=160x90:r=25", Audio: true})
}

func folder(t testing.TB) *spool.Dir {
	t.Helper()
	d, err := spool.Open(t.TempDir(), 0, 0, func(err error) { t.Error(err) })
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// The rest of a file in which a range is damaged is decoded as if nothing were.
func TestPlayersPassOverDamage(t *testing.T) {
	m := media(t)
	for _, kind := range kinds {
		for _, which := range [][]int{{0}, {7}, {3, 4, 5, 12}} {
			t.Run(fmt.Sprint(kind.name, which), func(t *testing.T) {
				d := folder(t)
				r := record(t, d, "a", kind.format, m)
				path := d.BodyPath("a")
				b, err := os.ReadFile(path)
				require.NoError(t, err)
				lost := map[int]bool{}
				for _, k := range which {
					clear(b[begin(r.ends, k)+3 : begin(r.ends, k)+9])
					lost[k] = true
				}
				require.NoError(t, os.WriteFile(path, b, 0o600))
				f, h, rep, err := d.Open("a")
				require.NoError(t, err)
				require.Equal(t, len(r.ends)-len(which), rep.Records)
				require.NoError(t, f.Fill(h.Tracks, kind.format))
				require.NoError(t, f.Close())
				r.check(t, "a", rep, func(k int) bool { return lost[k] })
				object := r.object(t, "a")
				if kind.name == "m4s" {
					init, err := fmp4.InitFormat{}.Remake(h.Tracks)
					require.NoError(t, err)
					object = append(init, object...)
				}
				file := filepath.Join(t.TempDir(), "a."+strings.Replace(kind.name, "m4s", "mp4", 1))
				require.NoError(t, os.WriteFile(file, object, 0o600))
				packets := decoded(t, file, "-map", "0")
				whole := recordedPackets(t, kind.name, r)
				require.Greater(t, packets, whole*(len(r.ends)-len(which)-1)/len(r.ends)-2)
			})
		}
	}
}

func recordedPackets(t testing.TB, kind string, r *recorded) int {
	t.Helper()
	d := folder(t)
	w := record(t, d, "w", r.format, media(t))
	object := w.object(t, "w")
	if kind == "m4s" {
		init, err := fmp4.InitFormat{}.Remake(w.tracks)
		require.NoError(t, err)
		object = append(init, object...)
	}
	file := filepath.Join(t.TempDir(), "w."+strings.Replace(kind, "m4s", "mp4", 1))
	require.NoError(t, os.WriteFile(file, object, 0o600))
	return decoded(t, file)
}

// decoded counts the packets that ffprobe finds; ffmpeg must reach the end without a
// complaint about the container. What refers to lost pictures may be complained of.
func decoded(t testing.TB, file string, _ ...string) int {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", file, "-map", "0", "-f", "null", "-").CombinedOutput()
	require.NoError(t, err, string(out))
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "h264") && !strings.Contains(line, "Last message repeated") {
			t.Error(line)
		}
	}
	out, err = exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=pts", "-of", "csv=p=0", file).Output()
	require.NoError(t, err)
	return bytes.Count(out, []byte("\n"))
}

// Random damage of journal and body: whatever record was not hit is kept, and
// nothing is deleted.
func FuzzRepair(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed)
	}
	m := media(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 11))
		kind := kinds[rng.IntN(len(kinds))]
		d := folder(t)
		r := record(t, d, "a", kind.format, m)
		body, index := d.BodyPath("a"), strings.TrimSuffix(d.BodyPath("a"), ".body")+".idx"
		hitBody, hitIndex := damage(t, rng, body), damage(t, rng, index)
		frames := r.frames(t, index)
		file, h, rep, err := d.Open("a")
		if err != nil {
			require.ErrorIs(t, err, spool.ErrBad)
			require.FileExists(t, body)
			require.FileExists(t, index)
			return
		}
		require.Equal(t, int64(7), h.File)
		if err := file.Fill(h.Tracks, kind.format); err != nil {
			require.ErrorIs(t, err, spool.ErrBad)
			require.NoError(t, file.Close())
			return
		}
		require.NoError(t, file.Close())
		r.check(t, "a", rep, func(k int) bool {
			return hitBody(begin(r.ends, k), r.ends[k]) || hitIndex(frames[k][0], frames[k][1])
		})
	})
}

// frames are the places of the records' frames in the journal as it was written.
func (r *recorded) frames(t testing.TB, index string) (out [][2]int64) {
	t.Helper()
	other := folder(t)
	_ = record(t, other, "b", r.format, media(t))
	b, err := os.ReadFile(strings.TrimSuffix(other.BodyPath("b"), ".body") + ".idx")
	require.NoError(t, err)
	at := 0
	for k := range r.records {
		i := bytes.Index(b[at:], r.records[k]) + at
		require.GreaterOrEqual(t, i, at)
		out = append(out, [2]int64{int64(i) - 21, int64(i + len(r.records[k]) + 4)})
		at = i
	}
	return out
}

// damage changes a file at random, and returns what tells whether a range of it was
// hit.
func damage(t testing.TB, rng *rand.Rand, path string) func(from, to int64) bool {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var hits [][2]int
	for range rng.IntN(4) {
		at := rng.IntN(len(b))
		switch rng.IntN(4) {
		case 0:
			b[at] ^= 1 << rng.IntN(8)
			hits = append(hits, [2]int{at, at + 1})
		case 1:
			end := min(at+1+rng.IntN(2000), len(b))
			clear(b[at:end])
			hits = append(hits, [2]int{at, end})
		case 2:
			end := min(at+1+rng.IntN(200), len(b))
			for i := at; i < end; i++ {
				b[i] = byte(rng.Uint32())
			}
			hits = append(hits, [2]int{at, end})
		case 3:
			hits = append(hits, [2]int{at, 1 << 40})
			b = b[:max(at, 1)]
		}
	}
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return func(from, to int64) bool {
		for _, h := range hits {
			if from < int64(h[1]) && int64(h[0]) < to {
				return true
			}
		}
		return false
	}
}
