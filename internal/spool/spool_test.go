package spool

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

func openDir(t testing.TB, max, minFree int64) *Dir {
	t.Helper()
	d, err := Open(filepath.Join(t.TempDir(), "spool"), max, minFree, func(err error) { t.Error(err) })
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

func batch(rec string, parts ...string) mux.Batch {
	b := mux.Batch{Record: []byte(rec)}
	for _, p := range parts {
		b.Body = append(b.Body, []byte(p))
		b.Size += int64(len(p))
	}
	return b
}

func records(t *testing.T, d *Dir, name string) (out []string) {
	t.Helper()
	for r, err := range d.Records(name) {
		require.NoError(t, err)
		out = append(out, string(r))
	}
	return out
}

func bodyOf(t *testing.T, d *Dir, name string, h Header, size int64) string {
	t.Helper()
	b, err := d.Body(name, h.Room, size)
	require.NoError(t, err)
	defer b.Close()
	p := make([]byte, size)
	_, err = b.ReadAt(p, 0)
	if size > 0 {
		require.NoError(t, err)
	}
	return string(p)
}

func TestAppendReadReopenAppend(t *testing.T) {
	d := openDir(t, 0, 0)
	h := Header{Recording: 1, File: 2, Format: "mp4", Room: 8192, Tracks: []hooks.Track{{Codec: hooks.H264, ClockRate: 90000, SPS: []byte{1}}}}
	f, err := d.Create("a", h)
	require.NoError(t, err)
	require.NoError(t, f.Append(batch("r1", "he", "", "llo")))
	require.NoError(t, f.Append(batch("r2", " world")))
	require.Equal(t, int64(11), f.Size())
	p := make([]byte, 20)
	n, err := f.ReadAt(p, 6)
	require.ErrorContains(t, err, "EOF")
	require.Equal(t, "world", string(p[:n]))
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
	require.Error(t, f.Append(batch("r3", "x")))

	f, h2, rep, err := d.Open("a")
	require.NoError(t, err)
	require.Equal(t, h, h2)
	require.Equal(t, Report{Body: 11, Records: 2}, rep)
	require.NoError(t, f.Append(batch("r3", "!")))
	require.NoError(t, f.Close())
	require.Equal(t, []string{"r1", "r2", "r3"}, records(t, d, "a"))
	require.Equal(t, "hello world!", bodyOf(t, d, "a", h, 12))
	names, err := d.Names()
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names)
	require.NoError(t, d.Remove("a"))
	require.NoError(t, d.Remove("a"))
	require.Zero(t, d.Used())
}

// A crash can leave any prefix of the journal with any prefix of the body, and
// garbage or zeros behind either. What is repaired must be a prefix of what was
// written, and as long as what both files still hold.
func TestTornTails(t *testing.T) {
	d := openDir(t, 0, 0)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		name := fmt.Sprint("f", i)
		h := Header{Room: int64(rng.IntN(2)) * 4096}
		f, err := d.Create(name, h)
		require.NoError(t, err)
		var whole bytes.Buffer
		var ends, journalEnds []int64
		for k := range 1 + rng.IntN(6) {
			p := make([]byte, 1+rng.IntN(3000))
			for j := range p {
				p[j] = byte(rng.Uint32())
			}
			whole.Write(p)
			require.NoError(t, f.Append(batch(fmt.Sprint("rec", k), string(p))))
			ends, journalEnds = append(ends, f.Size()), append(journalEnds, f.journalSize)
		}
		require.NoError(t, f.shut())

		body, journal := filepath.Join(d.Path(), name+bodyExt), filepath.Join(d.Path(), name+journalExt)
		bodyLen := rng.Int64N(int64(whole.Len()) + 1)
		last := journalEnds[len(journalEnds)-1]
		first := last - (last-journalEnds[0])*int64(rng.IntN(2)) // never into the header
		journalLen := first
		if last > first {
			journalLen += rng.Int64N(last - first + 1)
		}
		require.NoError(t, os.Truncate(body, h.Room+bodyLen))
		require.NoError(t, os.Truncate(journal, journalLen))
		if rng.IntN(2) == 0 {
			appendTo(t, body, make([]byte, rng.IntN(500)))
		}
		if rng.IntN(2) == 0 {
			appendTo(t, journal, []byte{0, 'S', 3, 0, 0, 0, byte(rng.Uint32())})
		}
		want := int64(0)
		for k := range ends {
			if ends[k] <= bodyLen && journalEnds[k] <= journalLen {
				want = ends[k]
			}
		}
		g, _, rep, err := d.Open(name)
		require.NoError(t, err)
		require.Zero(t, rep.Damaged)
		require.GreaterOrEqual(t, rep.Body, want)
		require.Contains(t, append(ends, 0), rep.Body)
		require.Equal(t, whole.String()[:rep.Body], bodyOf(t, d, name, h, rep.Body))
		require.NoError(t, g.Append(batch("more", "tail")))
		require.NoError(t, g.Close())
		_, rep2, err := d.Examine(name)
		require.NoError(t, err)
		require.Equal(t, rep.Body+4, rep2.Body)
		require.Zero(t, rep2.CutBody+rep2.CutJournal)
	}
}

func appendTo(t *testing.T, path string, p []byte) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write(p)
	require.NoError(t, errors.Join(err, f.Close()))
}

func TestReleasedRangesSurviveReopen(t *testing.T) {
	d := openDir(t, 0, 0)
	f, err := d.Create("a", Header{})
	require.NoError(t, err)
	big := string(bytes.Repeat([]byte("x"), 1<<20))
	for range 4 {
		require.NoError(t, f.Append(batch("r", big)))
	}
	require.NoError(t, f.Release([2]int64{1 << 20, 2 << 20}, [2]int64{2 << 20, 3 << 20}))
	require.Equal(t, int64(2<<20), d.Used())
	require.NoError(t, f.Append(batch("r", "end")))
	require.NoError(t, f.Close())
	f, _, rep, err := d.Open("a")
	require.NoError(t, err)
	require.Equal(t, int64(4<<20+3), rep.Body)
	require.Equal(t, int64(2<<20), rep.Released)
	require.NoError(t, f.Close())
}

func TestBudgetAndFloor(t *testing.T) {
	d := openDir(t, 10, 0)
	f, err := d.Create("a", Header{})
	require.NoError(t, err)
	require.NoError(t, f.Append(batch("1", "12345678")))
	require.ErrorIs(t, f.Append(batch("2", "9ab")), ErrFull)
	require.Equal(t, int64(8), f.Size())
	require.NoError(t, f.Append(batch("2", "9a")))
	require.NoError(t, f.Close())
	require.Equal(t, []string{"1", "2"}, records(t, d, "a"))

	low := openDir(t, 0, 1<<60)
	_, err = low.Create("a", Header{})
	require.ErrorIs(t, err, ErrLow)
}

func TestFileOfTheInstantOfTheCrash(t *testing.T) {
	d := openDir(t, 0, 0)
	f, err := d.Create("a", Header{})
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, os.Truncate(filepath.Join(d.Path(), "a"+journalExt), 5))
	_, _, _, err = d.Open("a")
	require.ErrorIs(t, err, ErrNoHeader)
	_, err = d.Create("../b", Header{})
	require.Error(t, err)
}

func BenchmarkAppend(b *testing.B) {
	d := openDir(b, 0, 0)
	f, err := d.Create("a", Header{})
	require.NoError(b, err)
	defer f.Close()
	x := mux.Batch{Record: make([]byte, 200)}
	for range 32 {
		x.Body = append(x.Body, make([]byte, 8<<10))
		x.Size += 8 << 10
	}
	b.SetBytes(x.Size)
	for b.Loop() {
		if f.Size() > 1<<30 {
			require.NoError(b, f.body.Truncate(0))
			f.size.Store(0)
		}
		require.NoError(b, f.Append(x))
	}
}

// Uploads sync and punch from other goroutines while the recorder closes.
func TestUseAfterClose(t *testing.T) {
	d := openDir(t, 0, 0)
	f, err := d.Create("closed", Header{Format: "mp4"})
	require.NoError(t, err)
	require.NoError(t, f.Append(batch("r", "some bytes")))
	require.NoError(t, f.Close())
	require.ErrorIs(t, f.Sync(), os.ErrClosed)
	require.ErrorIs(t, f.Release([2]int64{0, 4}), os.ErrClosed)
	_, err = f.ReadAt(make([]byte, 4), 0)
	require.ErrorIs(t, err, os.ErrClosed)
}
