package spool

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// sample is a file of n batches whose bodies are random, of known places.
type sample struct {
	name      string
	body      []byte
	ends      []int64 // of the batches in the body
	journals  []int64 // and of their frames in the journal
	bodyPath  string
	indexPath string
}

func makeSample(t testing.TB, d *Dir, name string, rng *rand.Rand, n int) *sample {
	t.Helper()
	s := &sample{name: name, bodyPath: filepath.Join(d.Path(), name+bodyExt), indexPath: filepath.Join(d.Path(), name+journalExt)}
	f, err := d.Create(name, Header{File: 7, Format: "mp4"})
	require.NoError(t, err)
	for k := range n {
		p := make([]byte, 200+rng.IntN(3000))
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
		before := f.journalSize
		require.NoError(t, f.Append(batch(fmt.Sprintf("record %d of the file", k), string(p))))
		s.body = append(s.body, p...)
		s.ends = append(s.ends, f.Size())
		if k == 0 {
			before += frameHead + frameTail + offsetLen + int64(len("record 0 of the file")) // a checkpoint follows
			s.journals = append(s.journals, before)
		} else {
			s.journals = append(s.journals, f.journalSize)
		}
	}
	require.NoError(t, f.Close())
	return s
}

func change(t testing.TB, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, f(b), 0o600))
}

func flip(at int64) func([]byte) []byte {
	return func(b []byte) []byte {
		b[at] ^= 0x10
		return b
	}
}

func zero(from, to int64) func([]byte) []byte {
	return func(b []byte) []byte {
		clear(b[from:min(to, int64(len(b)))])
		return b
	}
}

// Whatever bit of a journal flips, nothing is lost: not a record, not the header.
func TestAnyFlippedBitOfAJournal(t *testing.T) {
	d := openDir(t, 0, 0)
	s := makeSample(t, d, "a", rand.New(rand.NewPCG(1, 1)), 5)
	info, err := os.Stat(s.indexPath)
	require.NoError(t, err)
	for i := range info.Size() {
		change(t, s.indexPath, flip(i))
		h, rep, err := d.Examine("a")
		require.NoError(t, err, i)
		require.Equal(t, Report{Body: int64(len(s.body)), Records: 5}, rep, i)
		require.Equal(t, int64(7), h.File)
		change(t, s.indexPath, flip(i))
	}
}

// The first page of a journal is gone: a copy of the header says what it is, and
// only what the page described is lost.
func TestAPageOfZerosInTheJournal(t *testing.T) {
	d := openDir(t, 0, 0)
	s := makeSample(t, d, "a", rand.New(rand.NewPCG(1, 1)), 300)
	change(t, s.indexPath, zero(0, page))
	first := 0
	for s.journals[first]-60 < page {
		first++
	}
	f, h, rep, err := d.Open("a")
	require.NoError(t, err)
	require.Equal(t, int64(7), h.File)
	require.Equal(t, int64(len(s.body)), rep.Body)
	require.InDelta(t, 300-first, rep.Records, 1)
	require.InDelta(t, s.ends[first-1], rep.Damaged, 3300)
	require.NoError(t, f.Append(batch("more", "tail")))
	require.NoError(t, f.Close())
	got := records(t, d, "a")
	n, gap := mux.IsGap([]byte(got[0]))
	require.True(t, gap)
	require.Equal(t, rep.Damaged, n)
	require.Equal(t, "more", got[len(got)-1])
}

// A bad range within the body costs the records that it strikes.
func TestDamageWithinTheBody(t *testing.T) {
	d := openDir(t, 0, 0)
	s := makeSample(t, d, "a", rand.New(rand.NewPCG(1, 1)), 40)
	change(t, s.bodyPath, flip(s.ends[9]+5))
	change(t, s.bodyPath, zero(s.ends[19], s.ends[19]+10))
	f, _, rep, err := d.Open("a")
	require.NoError(t, err)
	require.Equal(t, 38, rep.Records)
	require.Equal(t, int64(len(s.body)), rep.Body)
	require.Equal(t, s.ends[10]-s.ends[9]+s.ends[20]-s.ends[19], rep.Damaged)
	require.NoError(t, f.Fill(nil, nil))
	require.NoError(t, f.Close())
	_, again, err := d.Examine("a")
	require.NoError(t, err)
	require.Equal(t, rep, again)
	got := records(t, d, "a")
	require.Len(t, got, 40)
	for k, r := range got {
		_, gap := mux.IsGap([]byte(r))
		require.Equal(t, k == 10 || k == 20, gap, k)
	}
}

// What filled a damaged range stays, and what was there is kept aside.
func TestFill(t *testing.T) {
	d := openDir(t, 0, 0)
	s := makeSample(t, d, "a", rand.New(rand.NewPCG(1, 1)), 10)
	change(t, s.bodyPath, flip(s.ends[3]+5))
	for range 2 {
		f, h, _, err := d.Open("a")
		require.NoError(t, err)
		require.NoError(t, f.Fill(nil, filler{}))
		require.NoError(t, f.Close())
		got := bodyOf(t, d, "a", h, int64(len(s.body)))
		require.Equal(t, string(s.body[:s.ends[3]]), got[:s.ends[3]])
		require.Equal(t, string(bytes.Repeat([]byte("f"), int(s.ends[4]-s.ends[3]))), got[s.ends[3]:s.ends[4]])
		require.Equal(t, string(s.body[s.ends[4]:]), got[s.ends[4]:])
	}
	kept, err := os.ReadFile(filepath.Join(d.Path(), "a.part.bad"))
	require.NoError(t, err)
	want := bytes.Clone(s.body[s.ends[3]:s.ends[4]])
	want[5] ^= 0x10
	require.Equal(t, want, kept[s.ends[3]:])
	asides, err := d.Asides()
	require.NoError(t, err)
	require.Len(t, asides, 1)
}

// A release frame behind a frame that a power cut tore counts: the hole is there.
func TestReleaseBehindATornFrame(t *testing.T) {
	d := openDir(t, 0, 0)
	f, err := d.Create("a", Header{})
	require.NoError(t, err)
	big := string(bytes.Repeat([]byte("x"), 1<<20))
	for range 4 {
		require.NoError(t, f.Append(batch("r", big)))
	}
	torn := f.journalSize
	require.NoError(t, f.Append(batch("torn", big)))
	require.NoError(t, f.Release([2]int64{1 << 20, 3 << 20}))
	require.NoError(t, f.shut())
	index := filepath.Join(d.Path(), "a"+journalExt)
	change(t, index, zero(torn, torn+10))
	require.NoError(t, os.Truncate(filepath.Join(d.Path(), "a"+bodyExt), 4<<20))
	f, _, rep, err := d.Open("a")
	require.NoError(t, err)
	require.Equal(t, int64(4<<20), rep.Body)
	require.Equal(t, int64(2<<20), rep.Released)
	require.Zero(t, rep.Damaged)
	require.True(t, f.IsReleased(1<<20, 2<<20))
	// It goes on where it was cut, and what was cut stays void.
	require.NoError(t, f.Append(batch("new", "more")))
	require.NoError(t, f.Close())
	require.Equal(t, []string{"r", "r", "r", "r", "new"}, records(t, d, "a"))
	_, rep, err = d.Examine("a")
	require.NoError(t, err)
	require.Equal(t, int64(4<<20+4), rep.Body)
	require.Zero(t, rep.Damaged+rep.CutBody+rep.CutJournal)
}

// A file that was cut and goes on does not take the old frames for the new ones.
func TestCutTwice(t *testing.T) {
	d := openDir(t, 0, 0)
	rng := rand.New(rand.NewPCG(3, 4))
	f, err := d.Create("a", Header{})
	require.NoError(t, err)
	var want []string
	var whole bytes.Buffer
	var ends []int64
	for round := range 30 {
		for k := range 1 + rng.IntN(5) {
			r, p := fmt.Sprint("r", round, k), bytes.Repeat([]byte{byte(round)}, 1+rng.IntN(500))
			require.NoError(t, f.Append(batch(r, string(p))))
			whole.Write(p)
			want, ends = append(want, r), append(ends, f.Size())
		}
		require.NoError(t, f.shut())
		keep := len(want) - rng.IntN(len(want))
		for keep > 0 && rng.IntN(2) == 0 {
			keep--
		}
		keep = max(keep, 1)
		if keep < len(want) { // the tail of the body did not reach the disk
			lost := int64(1 + rng.IntN(int(ends[keep]-ends[keep-1])))
			require.NoError(t, os.Truncate(filepath.Join(d.Path(), "a"+bodyExt), ends[keep]-lost))
		}
		want, ends = want[:keep], ends[:keep]
		whole.Truncate(int(ends[keep-1]))
		var h Header
		var rep Report
		f, h, rep, err = d.Open("a")
		require.NoError(t, err)
		require.Equal(t, ends[keep-1], rep.Body)
		require.Zero(t, rep.Damaged)
		require.Equal(t, whole.String(), bodyOf(t, d, "a", h, rep.Body))
		require.Equal(t, want, records(t, d, "a"))
	}
	require.NoError(t, f.Close())
}

// Errors of the disk are errors: nothing is taken for empty.
func TestADiskErrorIsNoEmptyFile(t *testing.T) {
	d := openDir(t, 0, 0)
	require.NoError(t, os.Mkdir(filepath.Join(d.Path(), "dir"+journalExt), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(d.Path(), "dir"+bodyExt), []byte("x"), 0o600))
	_, err := d.Header("dir")
	require.ErrorIs(t, err, syscall.EISDIR)
	_, _, err = d.Examine("dir")
	require.ErrorIs(t, err, syscall.EISDIR)
	_, _, _, err = d.Open("dir")
	require.ErrorIs(t, err, syscall.EISDIR)
}

// What holds something and can't be understood is set aside, under a new name each
// time, and does not count for the budget.
func TestSetAside(t *testing.T) {
	d := openDir(t, 0, 0)
	for n := range 3 {
		s := makeSample(t, d, "a", rand.New(rand.NewPCG(1, 1)), 3)
		switch n {
		case 0:
			change(t, s.indexPath, zero(0, 1<<20))
		case 1:
			require.NoError(t, os.Truncate(s.indexPath, 5))
		case 2:
			require.NoError(t, os.Remove(s.indexPath))
			names, err := d.Orphans()
			require.NoError(t, err)
			require.Equal(t, []string{"a"}, names)
		}
		_, err := d.Header("a")
		require.ErrorIs(t, err, ErrBad)
		_, _, _, err = d.Open("a")
		require.ErrorIs(t, err, ErrBad)
		require.NotZero(t, d.Used())
		path, size, err := d.SetAside("a")
		require.NoError(t, err)
		require.Equal(t, int64(len(s.body)), size)
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, s.body, kept)
		require.Zero(t, d.Used())
		asides, err := d.Asides()
		require.NoError(t, err)
		require.Len(t, asides, min(2*n+2, 5))
	}
	names, err := d.Names()
	require.NoError(t, err)
	require.Empty(t, names)
	path, _, err := d.SetAside("a")
	require.NoError(t, err)
	require.Empty(t, path)
}

// Journals of older versions have no offsets, and one header.
func TestOldJournal(t *testing.T) {
	d := openDir(t, 0, 0)
	rng := rand.New(rand.NewPCG(5, 6))
	make := func(name string, n int) (s sample) {
		s = sample{name: name, bodyPath: filepath.Join(d.Path(), name+bodyExt), indexPath: filepath.Join(d.Path(), name+journalExt)}
		j := appendFrame(nil, kindHeader, 0, 0, []byte(`{"file":7,"format":"mp4"}`))
		for k := range n {
			p := bytes.Repeat([]byte{byte(rng.Uint32())}, 100+rng.IntN(900))
			j = appendFrame(j, kindSamples, uint32(len(p)), crc32.Checksum(p, castagnoli), fmt.Appendf(nil, "record %d of the file", k))
			s.body = append(s.body, p...)
			s.ends, s.journals = append(s.ends, int64(len(s.body))), append(s.journals, int64(len(j)))
		}
		require.NoError(t, os.WriteFile(s.bodyPath, s.body, 0o600))
		require.NoError(t, os.WriteFile(s.indexPath, j, 0o600))
		return s
	}
	s := make("whole", 5)
	info, err := os.Stat(s.indexPath)
	require.NoError(t, err)
	for i := range info.Size() {
		change(t, s.indexPath, flip(i))
		_, rep, err := d.Examine("whole")
		require.NoError(t, err, i)
		require.Equal(t, Report{Body: int64(len(s.body)), Records: 5}, rep, i)
		change(t, s.indexPath, flip(i))
	}
	s = make("one", 20)
	change(t, s.indexPath, zero(s.journals[4]+14, s.journals[5])) // head whole
	check := func(name string, s sample, lost ...int) {
		t.Helper()
		f, _, rep, err := d.Open(name)
		require.NoError(t, err)
		require.Equal(t, int64(len(s.body)), rep.Body)
		require.Equal(t, 20-len(lost), rep.Records)
		require.Equal(t, s.ends[lost[len(lost)-1]]-s.ends[lost[0]-1], rep.Damaged)
		require.NoError(t, f.Append(batch("more", "tail")))
		require.NoError(t, f.Close())
		got := records(t, d, name)
		require.Equal(t, "record 19 of the file", got[len(got)-2])
		require.Equal(t, "more", got[len(got)-1])
		_, rep, err = d.Examine(name)
		require.NoError(t, err)
		require.Equal(t, int64(len(s.body))+4, rep.Body)
		require.Equal(t, 21-len(lost), rep.Records)
	}
	check("one", s, 5)
	s = make("several", 20)
	change(t, s.indexPath, zero(s.journals[4], s.journals[7]))
	check("several", s, 5, 6, 7)
}

type filler struct{}

func (filler) Fill(_ []hooks.Track, _, n int64) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for ; n > 0; n -= min(n, 100) {
			if !yield(bytes.Repeat([]byte("f"), int(min(n, 100)))) {
				return
			}
		}
	}
}

// bad is a disk that can't read some pages.
type bad struct {
	data  []byte
	pages map[int64]bool
}

func (b *bad) ReadAt(p []byte, off int64) (int, error) {
	for at := off - off%page; at < off+int64(len(p)); at += page {
		if b.pages[at/page] {
			return 0, &os.PathError{Op: "read", Path: "x", Err: syscall.EIO}
		}
	}
	return bytes.NewReader(b.data).ReadAt(p, off)
}

// A page of the journal that can't be read costs what it says. A journal of which
// nothing can be read is no empty journal: it may be readable tomorrow.
func TestUnreadablePages(t *testing.T) {
	var j []byte
	j = appendFrame(j, kindHeader, 0, 0, []byte("{}"))
	for i := range 1000 {
		j = appendFrame(j, kindSamplesAt, 1, 0, offsetOf(int64(i)), []byte("a record"))
	}
	d := &bad{j, map[int64]bool{2: true}}
	s := newScanner(d, int64(len(j)))
	n := 0
	for {
		if _, err := s.next(); err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
		n++
	}
	require.ErrorIs(t, s.eio, syscall.EIO)
	require.InDelta(t, 1001-page/33, n, 2)

	for i := range int64(len(j))/page + 1 {
		d.pages[i] = true
	}
	_, err := findHeader(d, int64(len(j)), bytes.NewReader(nil), 0)
	require.ErrorIs(t, err, syscall.EIO)
	_, err = findHeader(bytes.NewReader(nil), 0, d, int64(len(j)))
	require.ErrorIs(t, err, syscall.EIO, "the body may hold something")
}

// A file is on the disk, with its name, when Close returns.
func TestCloseSyncs(t *testing.T) {
	d := openDir(t, 0, 0)
	f, err := d.Create("a", Header{})
	require.NoError(t, err)
	require.NoError(t, f.Append(batch("r", "bytes")))
	require.True(t, f.dirty.Load())
	require.False(t, f.named.Load())
	require.NoError(t, f.Close())
	require.False(t, f.dirty.Load())
	require.True(t, f.named.Load())

	// A disk that does not take the journal: the file is suspect.
	f, err = d.Create("b", Header{})
	require.NoError(t, err)
	require.NoError(t, f.Append(batch("r", "bytes")))
	f.journal = unsyncable(t)
	require.Error(t, f.Close())
	require.True(t, d.Suspect("b"))
}

// unsyncable takes what is written, and fails to sync it.
func unsyncable(t testing.TB) *os.File {
	t.Helper()
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	require.NoError(t, err)
	return f
}

// Nothing is punched out that the journal on the disk does not speak of.
func TestReleaseSyncsFirst(t *testing.T) {
	d := openDir(t, 0, 0)
	f, err := d.Create("a", Header{})
	require.NoError(t, err)
	big := bytes.Repeat([]byte("x"), 1<<20)
	require.NoError(t, f.Append(batch("r", string(big))))
	f.journal = unsyncable(t)
	require.Error(t, f.Release([2]int64{0, 1 << 20}))
	require.False(t, f.IsReleased(0, 1))
	got := make([]byte, len(big))
	_, err = f.ReadAt(got, 0)
	require.NoError(t, err)
	require.Equal(t, big, got)
	require.NoError(t, f.shut())
}

// Many files that end at once share a sync; all are told.
func TestManyCloseAtOnce(t *testing.T) {
	d := openDir(t, 0, 0)
	errs := make(chan error)
	for i := range 100 {
		f, err := d.Create(fmt.Sprint(i), Header{})
		require.NoError(t, err)
		require.NoError(t, f.Append(batch("r", "bytes")))
		go func() { errs <- f.Close() }()
	}
	for range 100 {
		require.NoError(t, <-errs)
	}
	_, rep, err := d.Examine("99")
	require.NoError(t, err)
	require.Equal(t, Report{Body: 5, Records: 1}, rep)
}
