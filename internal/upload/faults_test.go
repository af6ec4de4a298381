package upload

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/state"
)

// Each fault strikes a small file (one PUT) and a large one (multipart) at each
// request where it has a meaning. Afterwards both are stored, whole and once.
func TestEveryFaultHeals(t *testing.T) {
	t.Parallel()
	F := func(kind, op string, times int) cosserver.Fault {
		return cosserver.Fault{Kind: kind, Op: op, Times: times, Delay: 100 * time.Millisecond}
	}
	cases := [][]cosserver.Fault{
		{F(cosserver.SlowDown, "", 6)},
		{F(cosserver.Internal, "", 4)},
		{F(cosserver.DropBefore, "put", 1), F(cosserver.DropBefore, "part", 2)},
		{F(cosserver.DropAfter, "put", 1), F(cosserver.DropAfter, "part", 2)},
		{F(cosserver.DropAfter, "initiate", 1)},
		{F(cosserver.DropAfter, "complete", 1)},
		{F(cosserver.DropAfter, "complete", 1), {Kind: cosserver.DropBefore, Op: "head", Skip: 2, Times: 1}},
		{F(cosserver.DropAfter, "complete", 1), {Kind: cosserver.Internal, Op: "head", Skip: 2, Times: 2}},
		{F(cosserver.DropAfter, "put", 1), {Kind: cosserver.Internal, Op: "head", Skip: 1, Times: 1}},
		{F(cosserver.ErrorIn200, "complete", 2)},
		{F(cosserver.LateError, "complete", 1)},
		{F(cosserver.LateOK, "complete", 1)},
		{F(cosserver.LateDrop, "complete", 1)},
		{F(cosserver.LateDrop, "complete", 1), {Kind: cosserver.Internal, Op: "head", Skip: 2, Times: 1}},
		{F(cosserver.WrongETag, "part", 1)},
		{F(cosserver.WrongETag, "complete", 1)},
		{F(cosserver.WrongCRC, "put", 1), F(cosserver.WrongCRC, "part", 1)},
		{F(cosserver.WrongCRC, "complete", 1)},
		{F(cosserver.Corrupt, "put", 1), F(cosserver.Corrupt, "part", 1)},
		{F(cosserver.ForgetUpload, "part", 1)},
		{F(cosserver.ForgetUpload, "complete", 1)},
		{F(cosserver.Outage, "put", 1)},
		{F(cosserver.Outage, "complete", 1)},
		{F(cosserver.StallAnswer, "put", 1), F(cosserver.StallAnswer, "complete", 1)},
	}
	for i, c := range cases {
		t.Run(fmt.Sprintf("%d %s %s", i, c[0].Kind, c[0].Op), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, benchOptions{})
			b.server.Inject(c...)
			small, large := b.file("small.mp4").grow(100_000), b.file("large.mp4").grow(3*mib+5)
			small.end()
			large.end()
			b.untilStored(small, large)
			b.check(small, large)
		})
	}
}

// Faults by chance while many files grow and end; then all is there.
func TestStormOfFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, benchOptions{server: cosserver.Options{Seed: seed}})
			for _, kind := range []string{cosserver.SlowDown, cosserver.DropBefore, cosserver.DropAfter, cosserver.Internal,
				cosserver.ErrorIn200, cosserver.LateDrop, cosserver.WrongETag, cosserver.WrongCRC, cosserver.Corrupt, cosserver.ForgetUpload} {
				b.server.Inject(cosserver.Fault{Kind: kind, P: 0.02, Times: 12, Delay: 50 * time.Millisecond})
			}
			r := rand.New(rand.NewPCG(seed, 7))
			var files []*grower
			for i := range 12 {
				files = append(files, b.file(fmt.Sprintf("storm/%d.mp4", i)))
			}
			for range 60 {
				files[r.IntN(len(files))].grow(r.IntN(mib) + 1)
				time.Sleep(5 * time.Millisecond)
			}
			for _, g := range files {
				g.grow(1).end()
			}
			b.untilStored(files...)
			b.dropOrphans()
			b.check(files...)
		})
	}
}

// dropOrphans forgets uploads whose answer to Initiate was lost: empty ones.
func (b *bench) dropOrphans() {
	for _, u := range b.server.OpenUploads() {
		if len(u.Parts) > 0 {
			b.t.Errorf("an upload of %s with %d parts was left open", u.Key, len(u.Parts))
		}
	}
	b.server.ForgetUploads()
}

func TestOutageWhileRecording(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	g := b.file("outage.mp4").grow(2 * mib)
	b.until("part 2 is there", 10*time.Second, func() bool { u := b.server.OpenUploads(); return len(u) == 1 && len(u[0].Parts) == 1 })
	b.server.SetOutage(true)
	g.grow(3 * mib)
	short := b.file("short.mp4").grow(1000).end()
	g.end()
	b.until("trouble is noted", 10*time.Second, func() bool { return g.now().Attempts > 0 && short.now().Attempts > 0 })
	b.server.SetOutage(false)
	b.untilStored(g, short)
	b.check(g, short)
}

// A key pair may be allowed to write and not to look.
func TestHeadMayBeDenied(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	b.server.Inject(cosserver.Fault{Kind: cosserver.Denied, Op: "head"})
	small, large := b.file("small.mp4").grow(1000).end(), b.file("large.mp4").grow(3*mib).end()
	b.untilStored(small, large)
	b.server.ClearFaults()
	b.check(small, large)
}

// What can't heal by itself parks the file, tells once, and goes on after Unpark.
func TestPermanentErrorsPark(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, op string }{
		{cosserver.Denied, ""}, {cosserver.BadKey, ""}, {cosserver.BadSignature, "put"}, {cosserver.NoBucket, "initiate"},
		{cosserver.Denied, "complete"},
	} {
		t.Run(c.kind+" "+c.op, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, benchOptions{})
			b.server.Inject(cosserver.Fault{Kind: c.kind, Op: c.op})
			size := 3 * mib
			if c.op == "put" {
				size = 1000
			}
			g := b.file("parked.mp4").grow(size)
			time.Sleep(100 * time.Millisecond) // lets it fail while it grows
			g.end()
			b.until("it is parked", 30*time.Second, func() bool { return g.now().State == state.FileParked })
			if f := g.now(); f.Error == "" {
				t.Error("no reason was noted")
			}
			if _, n := b.events.counts(); n != 1 {
				t.Errorf("told %d times", n)
			}
			b.server.ClearFaults()
			if _, err := b.m.Unpark(t.Context(), "cos"); err != nil {
				t.Fatal(err)
			}
			b.untilStored(g)
			b.check(g)
		})
	}
}

// Objects that are not ours stay as they are, however many there are.
func TestForeignObjectsStay(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	for _, size := range []int{1000, 3 * mib} {
		name := fmt.Sprintf("mine/%d", size)
		foreign := []*grower{}
		for _, key := range []string{name + ".mp4", name + "-2.mp4"} {
			f := b.file(key).grow(777).end()
			b.untilStored(f)
			foreign = append(foreign, f)
		}
		// A lost state: their rows are gone, the objects are there.
		must(t, b.db.UpdateNow(t.Context(), func(tx *state.Tx) error {
			for _, f := range foreign {
				if _, err := tx.Exec(`UPDATE files SET object='elsewhere-'||id WHERE id=?`, f.row.ID); err != nil {
					return err
				}
			}
			return nil
		}))
		g := b.file(name + ".mp4").grow(size).end()
		b.untilStored(g)
		if got := g.now().Object; got == name+".mp4" || got == name+"-2.mp4" {
			t.Errorf("%d bytes: stored over a foreign object, as %s", size, got)
		}
		objects := b.server.Objects()
		for _, key := range []string{name + ".mp4", name + "-2.mp4"} {
			if o, ok := objects[key]; !ok || o.Size > 900 {
				t.Errorf("%d bytes: the foreign %s is changed or gone", size, key)
			}
		}
	}
}
