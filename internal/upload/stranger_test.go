package upload

import (
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
)

// Something that is not COS answers for a while. Nothing counts as stored, no key
// changes, few requests are sent, and the row says what is wrong.
func TestSomethingElseAnswers(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{cosserver.Portal, cosserver.Redirect, cosserver.Bare, cosserver.Hollow} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, benchOptions{})
			b.server.Inject(cosserver.Fault{Kind: kind})
			small, large := b.file("small.mp4").grow(1000), b.file("large.mp4").grow(3*mib)
			small.end()
			large.end()
			b.until("it was tried", 20*time.Second, func() bool { return small.now().Attempts >= 4 && large.now().Attempts >= 4 })
			if s := small.now(); kind != cosserver.Hollow && !strings.Contains(s.Error, "portal") {
				t.Errorf("the row says %q", s.Error)
			}
			if n := len(b.server.Log()); n > 60 {
				t.Errorf("%d requests", n)
			}
			b.server.ClearFaults()
			_, err := b.m.Unpark(t.Context(), "")
			must(t, err)
			b.untilStored(small, large)
			if small.now().Object != "small.mp4" || large.now().Object != "large.mp4" {
				t.Error("a key was changed")
			}
			b.check(small, large)
		})
	}
}

// A host that says of every object that it is there is no proof of one.
func TestEverythingIsThere(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	b.server.Inject(cosserver.Fault{Kind: cosserver.AllThere})
	small, large := b.file("small.mp4").grow(1000).end(), b.file("large.mp4").grow(3*mib).end()
	b.until("it was tried", 20*time.Second, func() bool { return small.now().Attempts >= 4 && large.now().Attempts >= 4 })
	if n := len(b.server.Log()); n > 60 {
		t.Errorf("%d requests", n)
	}
	b.server.ClearFaults()
	_, err := b.m.Unpark(t.Context(), "")
	must(t, err)
	b.untilStored(small, large)
	if small.now().Object != "small.mp4" || large.now().Object != "large.mp4" {
		t.Error("a key was changed")
	}
	b.check(small, large)
}

// Answers that do not say what was done, once or for ever: only what the store
// shows counts.
func TestUnclearAnswers(t *testing.T) {
	t.Parallel()
	for _, f := range []cosserver.Fault{
		{Kind: cosserver.NoSums, Op: "put"}, // for ever
		{Kind: cosserver.NoSums, Op: "part", Times: 2},
		{Kind: cosserver.NoSums, Op: "head", Times: 2},
		{Kind: cosserver.Hollow, Op: "put", Times: 2},
		{Kind: cosserver.Hollow, Op: "part", Times: 2},
		{Kind: cosserver.Hollow, Op: "initiate", Times: 2},
		{Kind: cosserver.Hollow, Op: "complete", Times: 2},
		{Kind: cosserver.Truncated, Op: "initiate", Times: 1},
		{Kind: cosserver.Garbage, Op: "complete", Times: 1},
		{Kind: cosserver.Truncated, Op: "complete", Times: 1},
		{Kind: cosserver.Garbage, Op: "list-uploads", Times: 1},
	} {
		t.Run(f.Kind+" "+f.Op, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, benchOptions{})
			b.server.Inject(f)
			small, large := b.file("small.mp4").grow(1000).end(), b.file("large.mp4").grow(3*mib).end()
			b.untilStored(small, large)
			b.server.ClearFaults()
			b.check(small, large)
		})
	}
}

// A store without checksums: what it took is looked at, and a part whose ETag is
// not its MD5 never leaves the spool.
func TestStoreWithoutChecksums(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{spoolMax: 8 * mib, server: cosserver.Options{NoCRC: true}})
	b.server.Inject(cosserver.Fault{Kind: cosserver.Corrupt, Op: "part", Part: 3, Times: 1})
	small, large := b.file("small.mp4").grow(1000).end(), b.file("large.mp4").grow(6*mib+5)
	b.untilStored(small)
	b.until("parts have left the spool", 10*time.Second, func() bool { return b.dir.Used() < 5*mib })
	live, _ := b.dir.Live(large.row.Spool)
	if live.IsReleased(2*mib, 3*mib) {
		t.Error("the spool gave back what the store has wrong")
	}
	if !live.IsReleased(mib, 2*mib) {
		t.Error("a part that the store has was not given back")
	}
}

// However many foreign objects there are, the keys that are tried are few, and do
// not grow.
func TestRenamesAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	g := b.file("many.mp4")
	r := b.m.renamer(&g.row)
	last := ""
	for n := range maxRenames + 5 {
		err := r.next(t.Context())
		if err != nil {
			if n < maxRenames {
				t.Fatalf("%d: %v", n, err)
			}
			return
		}
		if last = g.row.Object; len(last) > len("many.mp4")+25 {
			t.Fatalf("the key has become %s", last)
		}
	}
	t.Errorf("it would go on after %s", last)
}
