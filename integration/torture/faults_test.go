package torture

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/adts"
	"github.com/live-recording/liverecord/internal/mux/flv"
	"github.com/live-recording/liverecord/internal/mux/mp4"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// Seeded faults of the store strike while recordings are sent. Each object is
// compared with what the recorder had written: its files in the spool get a
// second name before they leave.
func TestStoreFaults(t *testing.T) {
	scenario(t)
	recordings, faults := pick(10, max(10, *n/2)), pick(50, max(50, *n*5/2))
	h := newHouse(t, cosserver.Options{Dir: t.TempDir(), PublicRead: true},
		"templates: {a: {mp4: {}}, b: {flv: {}}, c: {aac: {}, mp4: {interval: 10s}}}\n"+
			"rules: [{template: a}, {stream: \"*1\", template: b}, {stream: \"*2\", template: c}]\n")
	h.cos.Inject(drawFaults(random(3), faults, recordings)...)
	h.open()
	witness := watchSpool(t, h.file("spool"))
	stop := h.reloadOften()
	var done int
	for done < recordings || struck(h.cos) < faults && done < 10*recordings {
		h.wave(done, 5)
		done += 5
	}
	until(t, "all files to be stored", 4*time.Minute, func() bool {
		time.Sleep(200 * time.Millisecond)
		return h.count(state.FileStored) == len(h.files())
	})
	stop()
	if left := faults - struck(h.cos); left > 0 {
		t.Errorf("%d of %d faults did not strike", left, faults)
	}
	h.p.Close()
	h.p = nil
	witness.stop()
	t.Logf("%d faults struck over %d recordings: %v", struck(h.cos), done, h.cos.Struck())
	h.compare(witness.dir)
}

// wave records some publications at once.
func (h *house) wave(from, count int) {
	var all sync.WaitGroup
	for i := range count {
		f := h.feed(fmt.Sprintf("live/s%d", from+i), from+i, 20<<10)
		all.Go(func() {
			f.play(time.Duration(4+4*i)*time.Second, 6)
			f.Offline("")
		})
	}
	all.Wait()
}

// reloadOften saves the configuration again and again, as an operator does who
// mends something: what was parked is tried again.
func (h *house) reloadOften() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-time.After(1500 * time.Millisecond):
				h.write()
			}
		}
	}()
	return func() { close(quit); <-done }
}

// drawFaults draws which request of which kind fails, and how.
func drawFaults(chance *rand.Rand, count, recordings int) (list []cosserver.Fault) {
	expect := map[string]int{"part": 3 * recordings, "initiate": recordings / 2, "complete": recordings / 2, "head": recordings, "put": recordings / 8}
	ops := []string{"part", "part", "part", "part", "complete", "complete", "initiate", "head", "put"}
	for len(list) < count {
		f := cosserver.Fault{Op: ops[chance.IntN(len(ops))], Kind: cosserver.Kinds[chance.IntN(len(cosserver.Kinds))], Times: 1,
			Delay: time.Duration(100+chance.IntN(400)) * time.Millisecond, Rate: 2 << 20}
		if !meaningful(f) {
			continue
		}
		f.Skip = chance.IntN(max(1, expect[f.Op]))
		list = append(list, f)
	}
	return list
}

// meaningful leaves out what the server would never let strike.
func meaningful(f cosserver.Fault) bool { return f.Fits(f.Op) }

func struck(c *cosserver.Server) (sum int) {
	for _, n := range c.Struck() {
		sum += n
	}
	return sum
}

// spoolWitness gives each file of a spool a second name.
type spoolWitness struct {
	dir  string
	quit chan struct{}
	done sync.WaitGroup
}

func watchSpool(t *testing.T, dir string) *spoolWitness {
	t.Helper()
	w := &spoolWitness{dir: filepath.Join(filepath.Dir(dir), "witness"), quit: make(chan struct{})}
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w.done.Go(func() {
		for {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				// It may be there already, or gone again.
				_ = os.Link(filepath.Join(dir, e.Name()), filepath.Join(w.dir, e.Name()))
			}
			select {
			case <-w.quit:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	t.Cleanup(w.stop)
	return w
}

func (w *spoolWitness) stop() {
	select {
	case <-w.quit:
	default:
		close(w.quit)
	}
	w.done.Wait()
}

var formats = map[string]mux.Format{"mp4": mp4.Format, "flv": flv.Format, "aac": adts.Format}

// compare checks each object against head and body as the recorder wrote them.
func (h *house) compare(witness string) {
	t := h.t
	t.Helper()
	dir, err := spool.Open(witness, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	names, err := dir.Names()
	if err != nil {
		t.Fatal(err)
	}
	objects, equal := h.cos.Objects(), 0
	rows := map[string]*state.FileRow{}
	for _, f := range h.files() {
		rows[f.Spool] = f
		if f.State != state.FileStored {
			t.Errorf("%s is %s: %s", f.Object, f.State, f.Error)
		}
	}
	for _, name := range names {
		f := rows[name]
		if f == nil {
			if _, rep, err := dir.Examine(name); err == nil && rep.Body > 0 {
				t.Errorf("%s was recorded and has no row", name)
			}
			continue
		}
		want, err := recorded(dir, name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := h.sum(f.Object); got != want {
			t.Errorf("%s: the object is not what was recorded", f.Object)
			continue
		}
		equal++
		delete(objects, f.Object)
		delete(rows, name)
	}
	for key := range objects {
		t.Errorf("the bucket has %s, which is no file's object", key)
	}
	for _, f := range rows {
		t.Errorf("%s has a row, but nobody saw it in the spool", f.Object)
	}
	// An upload that the store denied to have may be the only copy of something: it is
	// left to the bucket's lifecycle rule.
	if open, denied := h.cos.OpenUploads(), h.cos.Struck()[cosserver.DenyUpload]; len(open) > denied {
		t.Errorf("%d uploads are open, of which %d were denied, e.g. of %s", len(open), denied, open[0].Key)
	}
	if left, _ := filepath.Glob(h.file("spool/grow-*")); len(left) > 0 {
		t.Errorf("%d files are left in the spool, e.g. %s", len(left), left[0])
	}
	t.Logf("%d files recorded, %d objects equal to head and body as recorded (SHA-256), %d objects in the bucket",
		len(names), equal, len(h.cos.Objects()))
}

// recorded is the SHA-256 of a file of the spool with its head.
func recorded(dir *spool.Dir, name string) (string, error) {
	hd, rep, err := dir.Examine(name)
	if err != nil {
		return "", err
	}
	head, err := formats[hd.Format].Head(hd.Tracks, dir.Records(name), rep.Body, 0)
	if err != nil {
		return "", err
	}
	body, err := dir.Body(name, hd.Room, rep.Body)
	if err != nil {
		return "", err
	}
	defer body.Close()
	sum := sha256.New()
	sum.Write(head.Front)
	if _, err := io.Copy(sum, body); err != nil {
		return "", err
	}
	sum.Write(head.Back)
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

func (h *house) sum(key string) string {
	r, ok := h.cos.Open(key)
	if !ok {
		return "no object"
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return strings.ToUpper(err.Error())
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}
