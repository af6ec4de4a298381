package spool

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// kept is what was set aside of parts of a file, by name.
func kept(t *testing.T, d *Dir, name string) (out [][]byte) {
	t.Helper()
	for n := 1; ; n++ {
		b, err := os.ReadFile(filepath.Join(d.Path(), name+partExt+badSuffix(n)))
		if err != nil {
			require.ErrorIs(t, err, os.ErrNotExist)
			return out
		}
		out = append(out, b)
	}
}

func fillAll(d *Dir, name string) error {
	f, _, _, err := d.Open(name)
	if err != nil {
		return err
	}
	err = f.Fill(nil, filler{})
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// A crash while a damaged range is filled: the next start must not take what is half
// filled for what was there. A later damage is kept in another file.
func TestWhatIsKeptStays(t *testing.T) {
	d := openDir(t, 0, 0)
	s := makeSample(t, d, "a", rand.New(rand.NewPCG(1, 1)), 10)
	change(t, s.bodyPath, flip(s.ends[3]+5))
	require.NoError(t, fillAll(d, "a"))
	change(t, s.bodyPath, zero(s.ends[3]+50, s.ends[4])) // as if the power had failed
	require.NoError(t, fillAll(d, "a"))
	want := bytes.Clone(s.body[:s.ends[4]])
	clear(want[:s.ends[3]])
	want[s.ends[3]+5] ^= 0x10
	require.Equal(t, [][]byte{want}, kept(t, d, "a"))

	change(t, s.bodyPath, flip(s.ends[6]+5))
	require.NoError(t, fillAll(d, "a"))
	parts := kept(t, d, "a")
	require.Len(t, parts, 2)
	require.Equal(t, want, parts[0])
	require.Equal(t, s.body[s.ends[6]+6:s.ends[7]], parts[1][s.ends[6]+6:])
}

// What can't be kept is not overwritten.
func TestNothingIsOverwrittenThatIsNotKept(t *testing.T) {
	d := openDir(t, 0, 0)
	name := strings.Repeat("n", 255-len(partExt+badExt)+1) // NAME.part.bad is too long for a name
	s := makeSample(t, d, name, rand.New(rand.NewPCG(1, 1)), 10)
	change(t, s.bodyPath, flip(s.ends[3]+5))
	before, err := os.ReadFile(s.bodyPath)
	require.NoError(t, err)
	require.ErrorIs(t, fillAll(d, name), syscall.ENAMETOOLONG)
	after, err := os.ReadFile(s.bodyPath)
	require.NoError(t, err)
	require.Equal(t, before, after)

}

// A file that a power cut ended has no end frame. Damage in its last record, or in
// the journal there, looks like a torn tail: it is cut off, and kept.
func TestADamagedTailIsKept(t *testing.T) {
	for what, damage := range map[string]func(t *testing.T, s *sample){
		"body":    func(t *testing.T, s *sample) { change(t, s.bodyPath, flip(s.ends[8]+5)) },
		"journal": func(t *testing.T, s *sample) { change(t, s.indexPath, zero(s.journals[8]+10, s.journals[8]+20)) },
	} {
		t.Run(what, func(t *testing.T) {
			d := openDir(t, 0, 0)
			s := makeSample(t, d, "a", rand.New(rand.NewPCG(1, 1)), 10)
			require.NoError(t, os.Truncate(s.indexPath, s.journals[9]))
			damage(t, s)
			before, err := os.ReadFile(s.bodyPath)
			require.NoError(t, err)
			for range 2 { // the second time there is nothing to keep
				f, _, rep, err := d.Open("a")
				require.NoError(t, err)
				require.Equal(t, s.ends[8], rep.Body)
				require.NoError(t, f.shut())
				parts := kept(t, d, "a")
				require.Len(t, parts, 1)
				require.Equal(t, before[s.ends[8]:], parts[0][s.ends[8]:])
			}
		})
	}
}

// What a power cut leaves is no damage: nothing is set aside.
func TestATornTailIsNotKept(t *testing.T) {
	for what, tear := range map[string]func(t *testing.T, s *sample){
		"half a frame":      func(t *testing.T, s *sample) { require.NoError(t, os.Truncate(s.indexPath, s.journals[9]-9)) },
		"a head":            func(t *testing.T, s *sample) { require.NoError(t, os.Truncate(s.indexPath, s.journals[8]+3)) },
		"no frame":          func(t *testing.T, s *sample) { require.NoError(t, os.Truncate(s.indexPath, s.journals[8])) },
		"zeros in journal":  func(t *testing.T, s *sample) { change(t, s.indexPath, zero(s.journals[8], s.journals[9])) },
		"zeros in the body": func(t *testing.T, s *sample) { change(t, s.bodyPath, zero(s.ends[8], s.ends[9])) },
		"half a record":     func(t *testing.T, s *sample) { require.NoError(t, os.Truncate(s.bodyPath, s.ends[9]-9)) },
	} {
		t.Run(what, func(t *testing.T) {
			d := openDir(t, 0, 0)
			s := makeSample(t, d, "a", rand.New(rand.NewPCG(1, 1)), 10)
			require.NoError(t, os.Truncate(s.indexPath, s.journals[9]))
			tear(t, s)
			f, _, rep, err := d.Open("a")
			require.NoError(t, err)
			require.NoError(t, f.shut())
			require.Equal(t, s.ends[8], rep.Body)
			require.Empty(t, kept(t, d, "a"))
		})
	}
}

// A body that is an object of a local store already is not changed: what is put
// right is a copy.
func TestAnObjectIsNotTouched(t *testing.T) {
	d := openDir(t, 0, 0)
	s := makeSample(t, d, "a", rand.New(rand.NewPCG(1, 1)), 10)
	appendTo(t, s.bodyPath, []byte("what the format puts behind the body"))
	change(t, s.bodyPath, flip(s.ends[3]+5))
	before, err := os.ReadFile(s.bodyPath)
	require.NoError(t, err)
	object := filepath.Join(t.TempDir(), "object")
	if err := os.Link(s.bodyPath, object); err != nil {
		object = filepath.Join(d.Path(), "object")
		require.NoError(t, os.Link(s.bodyPath, object))
	}
	require.True(t, d.Linked("a"))
	require.NoError(t, fillAll(d, "a"))
	after, err := os.ReadFile(object)
	require.NoError(t, err)
	require.Equal(t, before, after)
	_, rep, err := d.Examine("a")
	require.NoError(t, err)
	require.Equal(t, int64(len(s.body)), rep.Body)
	require.Zero(t, rep.CutBody)
	require.False(t, d.Linked("a"))
}

// A copy takes the place of a file that can't be read everywhere, and the file is
// kept; also if the power fails between the two renames.
func TestReplace(t *testing.T) {
	for _, ext := range []string{bodyExt, journalExt} {
		d := openDir(t, 0, 0)
		s := makeSample(t, d, "a", rand.New(rand.NewPCG(1, 1)), 10)
		path := filepath.Join(d.Path(), "a"+ext)
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		old, err := os.Open(path)
		require.NoError(t, err)
		f, err := d.replace("a", ext, old, int64(len(want)), true)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NoError(t, old.Close())
		for _, p := range []string{path, path + ".bad"} {
			got, err := os.ReadFile(p)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		at, size := d.AsideOf("a")
		require.Equal(t, path+".bad", at)
		require.Equal(t, int64(len(want)), size)

		require.NoError(t, os.Rename(path, path+".new"))
		_, rep, err := d.Examine("a")
		require.NoError(t, err)
		require.Equal(t, Report{Body: int64(len(s.body)), Records: 10}, rep)
		require.FileExists(t, path)

		require.NoError(t, os.WriteFile(path+".new", []byte("half a copy"), 0o600))
		require.NoError(t, d.Remove("a"))
		require.NoFileExists(t, path+".new")
		require.NoFileExists(t, path)
	}
}

// Holes stay holes in a copy.
func TestReplaceKeepsHoles(t *testing.T) {
	d := openDir(t, 0, 0)
	f, err := d.Create("a", Header{Room: 1 << 20})
	require.NoError(t, err)
	big := string(bytes.Repeat([]byte("x"), 1<<20))
	for range 8 {
		require.NoError(t, f.Append(batch("r", big)))
	}
	require.NoError(t, f.Release([2]int64{1 << 20, 7 << 20}))
	require.NoError(t, f.Close())
	body, err := os.Open(d.BodyPath("a"))
	require.NoError(t, err)
	copied, err := d.replace("a", bodyExt, body, 9<<20, false)
	require.NoError(t, err)
	defer copied.Close()
	info, err := copied.Stat()
	require.NoError(t, err)
	require.Equal(t, int64(9<<20), info.Size())
	require.LessOrEqual(t, allocated(info), int64(5<<20/2))
	_, rep, err := d.Examine("a")
	require.NoError(t, err)
	require.Equal(t, Report{Body: 8 << 20, Records: 8, Released: 6 << 20}, rep)
}

// The first page of a journal holds the header and its first copy. A short file that
// grew when the power failed has another one behind it.
func TestTheFirstPageIsGone(t *testing.T) {
	d := openDir(t, 0, 0)
	s := makeSample(t, d, "a", rand.New(rand.NewPCG(1, 1)), 110)
	change(t, s.indexPath, func(b []byte) []byte { return b[:s.journals[105]] }) // no end frame
	change(t, s.indexPath, zero(0, page))
	h, err := d.Header("a")
	require.NoError(t, err)
	require.Equal(t, int64(7), h.File)
}
