//go:build torture

package torture

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/powercut"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// rot damages files at rest between two lives of a server, and remembers what
// must not get lost.
type rot struct {
	p       *plant
	content *content
	rotten  map[int64]string // by id of the file: its spool name and what was done to it
	struck  int
}

// spoolDirs are where growing and waiting files lie, below the server's folder.
var spoolDirs = []string{"data/spool", "data/recordings/.liverecord"}

// between is called after each cut, while the disk is mounted and no server runs.
func (r *rot) between() {
	t := r.p.t
	t.Helper()
	for _, dir := range spoolDirs {
		path := filepath.Join(r.p.s.Dir, dir)
		if _, err := os.Stat(path); err != nil {
			continue // the first cut came before it was made
		}
		d, err := spool.Open(path, 0, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		names, err := d.Names()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			r.file(d, path, name)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// file remembers the content of a file, and damages every third one.
func (r *rot) file(d *spool.Dir, dir, name string) {
	t := r.p.t
	t.Helper()
	h, rep, err := d.Examine(name)
	if err != nil || rep.Body == 0 {
		return // an earlier damage, or nothing in it
	}
	before, err := os.ReadFile(filepath.Join(dir, name+".body"))
	if errors.Is(err, syscall.EIO) {
		return // an earlier damage; what could be read is remembered
	}
	if err != nil {
		t.Fatal(err)
	}
	body := before[min(h.Room, int64(len(before))):min(h.Room+rep.Body, int64(len(before)))]
	if r.p.chance.IntN(3) != 0 || r.rotten[h.File] != "" {
		r.content.keep(name, body, nil)
		return
	}
	ext := []string{".body", ".idx"}[r.p.chance.IntN(2)]
	what, after, err := r.damage(dir, name, ext)
	if err != nil {
		t.Fatal(err)
	}
	r.content.keep(name, body, after[min(h.Room, int64(len(after))):])
	r.rotten[h.File] = fmt.Sprintf("%s%s: %s", name, ext, what)
	if h.Parent != 0 {
		r.rotten[h.Parent] = r.rotten[h.File]
	}
	r.struck++
}

// damage rots a file, or makes some of its sectors unreadable. It returns what can
// be read of the body then; what can't is 0xff.
func (r *rot) damage(dir, name, ext string) (what string, after []byte, err error) {
	path, body := filepath.Join(dir, name+ext), filepath.Join(dir, name+".body")
	info, err := os.Stat(path)
	if err != nil {
		return "", nil, err
	}
	if r.p.chance.IntN(4) != 0 || info.Size() < 8192 {
		if what, err = powercut.Rot(path, r.p.chance); err == nil {
			after, err = os.ReadFile(body)
		}
		return what, after, err
	}
	if after, err = os.ReadFile(body); err != nil {
		return "", nil, err
	}
	const block = 4096
	at := r.p.chance.Int64N(info.Size()/block) * block
	if ext == ".body" {
		copy(after[at:at+block], bytes.Repeat([]byte{0xff}, block))
	}
	what = fmt.Sprintf("bytes %d to %d can't be read", at, at+block-1)
	if err := r.p.disk.FailReads(path, at, block); err != nil {
		what = "a hole can't rot" // what was given back is not on the disk
	}
	return what, after, nil
}

// audit looks for all that was on the disk: in what is stored, or set aside.
func (r *rot) audit() {
	p := r.p
	t := p.t
	t.Helper()
	said := p.doctor()
	p.s.Stop(t)
	b := openBook(t, p.s)
	b.lossy = true
	b.checkStores(t, p.s, p.cos, p.r)
	p.reported(b, said)
	for _, f := range b.files {
		if f.State == state.FileStored {
			r.decodes(f, b.recordings[f.Recording].Path)
		}
	}
	p.disk.Heal() // what was set aside is looked at as it was
	for _, dir := range []string{"data/spool", "data/recordings"} {
		err := filepath.WalkDir(filepath.Join(p.s.Dir, dir), func(path string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			return r.content.look(f)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for key := range p.cos.Objects() {
		o, ok := p.cos.Open(key)
		if !ok {
			continue
		}
		if err := r.content.look(o); err != nil {
			t.Fatal(err)
		}
		o.Close()
	}
	for name, n := range r.content.missing() {
		if n <= edges {
			continue
		}
		t.Errorf("%s: %d of its pieces of %d bytes are neither stored nor set aside (%s)", name, n, window, r.damageOf(name))
	}
	p.sum.event, p.sum.lost = len(b.events), len(b.lost)
}

func (r *rot) damageOf(name string) string {
	for _, what := range r.rotten {
		if strings.HasPrefix(what, name+".") {
			return what
		}
	}
	return "not damaged"
}

// decodes checks that a file decodes in silence; a damaged one may not, if that
// was reported.
func (r *rot) decodes(f *state.FileRow, path string) {
	p := r.p
	p.t.Helper()
	p.sum.files++
	place := filepath.Join(p.s.Recordings(), f.Object)
	if f.Store == "cos" {
		place = p.cos.URL() + "/" + f.Object
	}
	err := decode(place)
	if err == nil {
		return
	}
	what, damaged := r.rotten[f.ID]
	for _, l := range p.s.Log(strings.TrimSuffix(f.Object, "_eof.m3u8")) { // or one of its pieces
		if damaged && (strings.Contains(l.Text, " ERR ") || strings.Contains(l.Text, " WAR ")) {
			return
		}
	}
	if n := discarded(p.s, path); n > 0 { // references of other pictures
		p.t.Logf("%d pictures of %s were dropped for want of CPU: %.300v", n, path, err)
		return
	}
	p.t.Errorf("%v (%s)", err, what)
}

// TestBitRot damages files at rest after power cuts. Nothing is deleted: all that
// was on the disk is in a stored file, or in a file that was set aside.
func TestBitRot(t *testing.T) {
	scenario(t)
	const perRound = 5
	cuts := pick(2, max(perRound, *n/2))
	var sums gather
	struck := make(chan int, cuts)
	t.Run("rounds", func(t *testing.T) {
		for round := 0; round*perRound < cuts; round++ {
			fs := []string{"xfs", "ext4"}[round%2] // a short run is on the other one than TestPowerCuts
			t.Run(fmt.Sprintf("%d-%s", round, fs), func(t *testing.T) {
				t.Parallel()
				p := newPlant(t, uint64(500+round), fs, "maxSize: 300MB, minFree: 10MB")
				r := &rot{p: p, content: newContent(), rotten: map[int64]string{}}
				p.before = r.between
				p.cos.SetOutage(round%2 == 0)
				time.AfterFunc(15*time.Second, func() { p.cos.SetOutage(false) })
				p.play(min(perRound, cuts-round*perRound))
				r.audit()
				struck <- r.struck
				sums.add(p.sum)
			})
		}
	})
	close(struck)
	files := 0
	for n := range struck {
		files += n
	}
	s := sums.total
	report(t, "bit rot", fmt.Sprintf("%d cuts, after them %d files at rest damaged (a bit, some bytes, a sector, or sectors that cannot be read). %d files stored; "+
		"%d files given up and reported, %d set aside. All else that was on the disk is stored.", s.cuts, files, s.files, s.lost, s.bad))
}
