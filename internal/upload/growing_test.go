package upload

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

// growing-files.md §1: K = S2 = 1 MiB here.
func TestEdgeSizes(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	var files []*grower
	parts := map[string]int{}
	for _, c := range []struct{ size, parts int }{
		{1, 1}, {mib - 1, 1}, {mib, 1}, {mib + 1, 1}, {2*mib - 1, 1}, // no part 2 was full: one PUT
		{2 * mib, 2}, {2*mib + 1, 3}, {3*mib - 1, 3}, {3 * mib, 3}, {3*mib + 1, 4}, {5*mib + 77, 6},
	} {
		name := fmt.Sprintf("edge/%d.mp4", c.size)
		parts[name] = c.parts
		files = append(files, b.file(name).grow(c.size).end())
	}
	b.untilStored(files...)
	b.check(files...)
	for key, o := range b.server.Objects() {
		if o.Parts != parts[key] {
			t.Errorf("%s was made of %d parts, not %d", key, o.Parts, parts[key])
		}
	}
}

// Parts go up while the file grows; at the end only the tail and part 1 are missing.
func TestPartsTravelWhileRecording(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	g := b.file("growing.mp4").grow(2*mib + mib/2)
	seen := func() int {
		if u := b.server.OpenUploads(); len(u) == 1 {
			return len(u[0].Parts)
		}
		return 0
	}
	b.until("part 2 is there", 10*time.Second, func() bool { return seen() == 1 })
	g.grow(2 * mib)
	b.until("parts 3 and 4 are there", 10*time.Second, func() bool { return seen() == 3 })
	if len(b.server.Objects()) > 0 {
		t.Fatal("an object before the end")
	}
	g.end()
	b.untilStored(g)
	b.check(g)
	sent := map[int]int{}
	for _, r := range b.server.Log() {
		if r.Op == "part" {
			sent[r.Part]++
		}
	}
	for n := 1; n <= 5; n++ {
		if sent[n] != 1 {
			t.Errorf("part %d was sent %d times", n, sent[n])
		}
	}
}

// The plan covers the body from K on without a hole, whatever the size.
func TestPlan(t *testing.T) {
	b := newBench(t, benchOptions{})
	for _, size := range []int64{0, 1, mib, mib + 1, 2 * mib, 2*mib + 1, 320 * mib, 320*mib + 1, 400*mib + 7, 17 << 30, 300 << 30} {
		for _, ended := range []bool{false, true} {
			u := &upload{m: b.m, t: b.target, f: &state.FileRow{}, size: size, ended: ended}
			next, number := int64(mib), 2
			for _, p := range u.plan() {
				if p.start != next || p.number != number || p.end <= p.start || p.end > size {
					t.Fatalf("size %d: part %+v, expected number %d at %d", size, p, number, next)
				}
				if want := store.PartSize(mib, p.start); p.end-p.start != want && (!ended || p.end != size) {
					t.Fatalf("size %d: part %d has %d bytes", size, p.number, p.end-p.start)
				}
				next, number = p.end, number+1
			}
			if ended && size > mib && next != size {
				t.Fatalf("size %d: planned up to %d", size, next)
			}
			if number > store.MaxParts {
				t.Fatalf("size %d: %d parts", size, number)
			}
		}
	}
}

// The spool stays within its budget, because parts that the store has leave it.
func TestBudgetIsKept(t *testing.T) {
	t.Parallel()
	const budget = 8 * mib
	b := newBench(t, benchOptions{spoolMax: budget})
	g := b.file("long.mp4")
	for len(g.body) < 40*mib {
		if err := g.append(100_000); err != nil {
			t.Fatalf("after %d bytes: %v", len(g.body), err)
		}
		if used := b.dir.Used(); used > budget {
			t.Fatalf("the spool holds %d bytes", used)
		}
		b.until("room in the spool", 10*time.Second, func() bool { return b.dir.Used() < budget-mib })
	}
	g.end()
	b.untilStored(g)
	b.check(g)
}

// A file that stands still, as one does that waits for its publisher, gives its
// confirmed parts back when others need the room.
func TestOthersAreRelieved(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{spoolMax: 8 * mib})
	still := b.file("still.mp4").grow(3*mib + mib/2)
	b.until("its parts are there", 10*time.Second, func() bool { u := b.server.OpenUploads(); return len(u) == 1 && len(u[0].Parts) == 2 })
	used := b.dir.Used()
	if used < 3*mib {
		t.Fatalf("parts left the spool, of which %d bytes are used, without need", used)
	}
	grows := b.file("grows.mp4").grow(3*mib + mib/2)
	b.until("the parts of both have left the spool", 10*time.Second, func() bool { return b.dir.Used() < 4*mib })
	still.end()
	grows.end()
	b.untilStored(still)
	b.untilStored(grows)
	b.check(still, grows)
}

// What left the spool and was then forgotten by the store can't be sent again.
// It must not be replaced by zeros, and what is left of it is kept.
func TestForgottenAfterRelief(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{spoolMax: 8 * mib})
	b.m.asks = 3
	g := relieved(b, "relieved.mp4")
	b.server.ForgetUploads()
	g.end()
	b.untilState(g, state.FileParked)
	if _, n := b.events.counts(); n != 1 {
		t.Error("nobody was told")
	}
	if n := len(b.server.Objects()); n > 0 {
		t.Errorf("%d objects in the store", n)
	}
	if names, _ := b.dir.Names(); len(names) != 1 {
		t.Error("the rest of the file was deleted")
	}
}

// The store kept other bytes than were sent, and the process died before it could
// send them again: the object is known as ours and replaced.
func TestDiedAfterACorruptPut(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	b.server.Inject(cosserver.Fault{Kind: cosserver.Corrupt, Op: "put", Times: 1})
	g := b.file("corrupt.mp4").grow(mib / 2).end()
	b.until("the object is there", 10*time.Second, func() bool { return len(b.server.Objects()) == 1 })
	b.halt()
	b.run()
	b.untilStored(g)
	b.check(g)
	if n := len(b.server.Objects()); n != 1 {
		t.Errorf("%d objects", n)
	}
}

// A disk that failed did not keep all of a file: what it kept is stored, and what it
// did not is left out. A file of which it kept nothing is lost; its bytes are set aside.
func TestSuspectFilesAreReadBack(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"remote", "local"} {
		t.Run(where, func(t *testing.T) {
			b := newBench(t, benchOptions{})
			target, room := b.target, int64(0)
			if where == "local" {
				target, room = b.local, 65536
			}
			b.halt()
			for n, hit := range [][]int{{2}, {0}, {0, 1, 2}} {
				g := b.fileIn(target, fmt.Sprintf("sick%d.mp4", n)).grow(600_000)
				body, err := os.OpenFile(target.Dir.BodyPath(g.row.Spool), os.O_RDWR, 0)
				must(t, err)
				for _, k := range hit {
					_, err = body.WriteAt([]byte("other bytes"), room+int64(k)*200_000+100)
					must(t, err)
					g.records[k] = string(mux.Gap(200_000)) // left out; all else is kept
				}
				must(t, body.Close())
				target.Dir.Distrust(g.row.Spool)
				g.end()
				b.run()
				if len(hit) == 3 {
					b.until("it is lost", minute, func() bool { return g.now().State == state.FileLost })
					if kept := target.Dir.BodyPath(g.row.Spool) + ".bad"; !strings.Contains(g.now().Error, kept) {
						t.Errorf("%q does not name %s", g.now().Error, kept)
					} else if _, err := os.Stat(kept); err != nil {
						t.Error(err)
					}
					if used := target.Dir.Used(); used != 0 {
						t.Errorf("%d bytes of the budget are used for a lost file", used)
					}
				} else {
					b.untilStored(g)
					if n := g.now().Size; n != int64(len(g.whole())) {
						t.Errorf("%d bytes stored, not %d", n, len(g.whole()))
					}
				}
				b.halt()
			}
			b.run()
		})
	}
}

// Two movers, as before and after a kill: nothing is stored twice.
func TestResumesAfterACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	g := b.file("crashed.mp4").grow(4*mib + 3)
	b.until("parts are there", 10*time.Second, func() bool { u := b.server.OpenUploads(); return len(u) == 1 && len(u[0].Parts) == 3 })
	b.halt()
	b.run() // knows nothing but state, spool and store
	g.end()
	b.untilStored(g)
	b.check(g)
	n := 0
	for _, r := range b.server.Log() {
		if r.Op == "part" {
			n++
		}
	}
	if n != 5 {
		t.Errorf("%d parts were sent, 5 are enough", n)
	}
}

// The object was made, then the process died before it could note that.
func TestDiedAfterComplete(t *testing.T) {
	t.Parallel()
	for _, size := range []int{mib / 2, 4 * mib} {
		b := newBench(t, benchOptions{})
		b.server.Inject(cosserver.Fault{Kind: cosserver.StallAnswer, Op: "complete", Times: 1}, cosserver.Fault{Kind: cosserver.StallAnswer, Op: "put", Times: 1})
		g := b.file("died.mp4").grow(size).end()
		b.until("the object is there", 10*time.Second, func() bool { return len(b.server.Objects()) == 1 })
		b.halt()
		b.run()
		b.untilStored(g)
		b.check(g)
	}
}

// What ended last before the server stops is stored within the grace period.
func TestStopFinishesWhatHasEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	var files []*grower
	for i := range 20 {
		files = append(files, b.file(fmt.Sprintf("last/%d.mp4", i)).grow(mib/4))
	}
	for _, g := range files {
		g.end()
	}
	b.halt()
	b.check(files...)
}

// A slow remote store with a backlog must not keep files from a local one.
func TestStoresDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{concurrency: 2})
	b.server.Inject(cosserver.Fault{Kind: cosserver.Stall, Delay: 2 * time.Second})
	for i := range 100 {
		b.file(fmt.Sprintf("slow/%d.mp4", i)).grow(1000).end()
	}
	g := b.fileIn(b.local, "fast.mp4").grow(100_000).end()
	b.until("the local file is stored", time.Second+time.Second/2, func() bool { return g.now().State == state.FileStored })
	b.server.ClearFaults()
}

func TestUnknownStoreParks(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	g := b.file("homeless.mp4").grow(1000)
	must(t, b.db.UpdateNow(context.Background(), func(tx *state.Tx) error {
		_, err := tx.Exec(`UPDATE files SET store='gone' WHERE id=?`, g.row.ID)
		return err
	}))
	g.end()
	b.until("it is parked", 10*time.Second, func() bool { return g.now().State == state.FileParked })
	must(t, b.db.UpdateNow(context.Background(), func(tx *state.Tx) error {
		_, err := tx.Exec(`UPDATE files SET store='cos' WHERE id=?`, g.row.ID)
		return err
	}))
	n, err := b.m.Unpark(context.Background(), "")
	must(t, err)
	if n != 1 {
		t.Errorf("%d files tried again", n)
	}
	b.untilStored(g)
	b.check(g)
}
