package upload

import (
	"bytes"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

// relieved is a file of which the store's upload has the only copy of parts.
func relieved(b *bench, name string) *grower {
	b.t.Helper()
	g := b.file(name).grow(6*mib + 5)
	b.until("parts have left the spool", 10*time.Second, func() bool { return b.dir.Used() < 5*mib })
	return g
}

// aborts tells how often an upload was aborted.
func (b *bench) aborts() (n int) {
	for _, r := range b.server.Log() {
		if r.Op == "abort" {
			n++
		}
	}
	return n
}

func (b *bench) untilState(g *grower, want state.FileState) {
	b.t.Helper()
	b.until("it is "+string(want), minute, func() bool { return g.now().State == want })
}

// Part 6 arrives with a flipped bit after others have left the spool: it is sent
// again, and nothing else happens.
func TestABadPartIsSentAgain(t *testing.T) {
	t.Parallel()
	for _, part := range []int{1, 7, 8} {
		b := newBench(t, benchOptions{spoolMax: 8 * mib})
		g := relieved(b, "flipped.mp4")
		b.server.Inject(cosserver.Fault{Kind: cosserver.Corrupt, Op: "part", Part: part, Times: 2})
		g.grow(mib + mib/2).end()
		b.untilStored(g)
		b.check(g)
		if n := b.server.Struck()[cosserver.Corrupt]; n != 2 {
			t.Errorf("part %d: %d bits were flipped", part, n)
		}
		if b.aborts() > 0 {
			t.Errorf("part %d: the upload was aborted", part)
		}
	}
}

// A store that for a while does not show a part that only it can have, or does not
// know the upload, is asked again.
func TestTheStoreIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, f := range []cosserver.Fault{
		{Kind: cosserver.OmitPart, Part: 2, Times: 3},
		{Kind: cosserver.OmitPart, Times: 3},
		{Kind: cosserver.DenyUpload, Times: 3},
		{Kind: cosserver.Truncated, Op: "list-parts", Times: 3},
		{Kind: cosserver.Hollow, Op: "list-parts", Times: 3},
		{Kind: cosserver.Portal, Times: 4},
	} {
		t.Run(f.Kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, benchOptions{spoolMax: 8 * mib})
			g := relieved(b, "asked.mp4")
			b.halt()
			b.server.Inject(f)
			b.run() // compares with the store first
			g.end()
			b.untilStored(g)
			b.check(g)
			if b.aborts() > 0 {
				t.Error("the upload was aborted")
			}
		})
	}
}

// A store that stays wrong does not make us give the only copy up: the file is
// parked, says what to do, and goes on when the store is right again.
func TestTheOnlyCopyIsNeverGivenUp(t *testing.T) {
	t.Parallel()
	for _, f := range []cosserver.Fault{
		{Kind: cosserver.OmitPart, Part: 3},
		{Kind: cosserver.DenyUpload},
	} {
		t.Run(f.Kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, benchOptions{spoolMax: 8 * mib})
			g := relieved(b, "parked.mp4")
			b.halt()
			b.server.Inject(f)
			b.run()
			b.m.mu.Lock()
			b.m.asks = 3
			b.m.mu.Unlock()
			g.end()
			b.untilState(g, state.FileParked)
			if row := g.now(); row.Upload == "" || row.Error == "" {
				t.Errorf("the row forgot its upload, or says nothing: %q %q", row.Upload, row.Error)
			}
			if b.aborts() > 0 || len(b.server.OpenUploads()) != 1 {
				t.Fatal("the upload is gone")
			}
			b.server.ClearFaults()
			_, err := b.m.Unpark(t.Context(), "")
			must(t, err)
			b.untilStored(g)
			b.check(g)
		})
	}
}

// Complete makes something else of the parts. With all in the spool it is done
// again; else the object stays as it is.
func TestWrongWhole(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{spoolMax: 8 * mib})
	b.m.asks = 3
	g := relieved(b, "only.mp4")
	b.server.Inject(cosserver.Fault{Kind: cosserver.CorruptWhole, Times: 1})
	g.end()
	b.untilState(g, state.FileParked)
	if _, ok := b.server.Objects()["only.mp4"]; !ok {
		t.Fatal("the only copy was deleted")
	}

	b = newBench(t, benchOptions{})
	b.server.Inject(cosserver.Fault{Kind: cosserver.CorruptWhole, Times: 1})
	g = b.file("spool.mp4").grow(3 * mib).end()
	b.untilStored(g)
	b.check(g)
	if b.server.Struck()[cosserver.CorruptWhole] != 1 {
		t.Error("the fault did not strike")
	}
}

// The row has lost the upload, as after the state was lost: the upload is found.
func TestAForgottenUploadIsFound(t *testing.T) {
	t.Parallel()
	for _, what := range []string{`UPDATE files SET upload=''`, `UPDATE files SET attempts=0`} {
		b := newBench(t, benchOptions{spoolMax: 8 * mib})
		g := relieved(b, "found.mp4")
		b.halt()
		must(t, b.db.UpdateNow(t.Context(), func(tx *state.Tx) error {
			if _, err := tx.Exec(what); err != nil {
				return err
			}
			return tx.DeleteParts(g.row.ID)
		}))
		b.target.Config.PartSize = 2 * mib // the parts are where they were cut
		b.run()
		g.end()
		b.untilStored(g)
		b.check(g)
	}
}

// Another part size in the configuration does not move the parts that are there.
func TestPartSizeChanges(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{spoolMax: 8 * mib})
	g := relieved(b, "resized.mp4")
	b.halt()
	b.target.Config.PartSize = 3 * mib
	b.run()
	g.grow(mib).end()
	b.untilStored(g)
	b.check(g)
}

// Uploads under our key that nobody here knows: an empty one is the trace of a lost
// answer, one with parts may be somebody's only copy.
func TestSweepSparesUploadsWithParts(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	o := store.Object{Key: "swept.mp4"}
	full, err := b.target.Remote.Initiate(t.Context(), o)
	must(t, err)
	_, err = b.target.Remote.UploadPart(t.Context(), o.Key, full, 1, bytes.NewReader(make([]byte, mib)), mib)
	must(t, err)
	_, err = b.target.Remote.Initiate(t.Context(), o)
	must(t, err)
	g := b.file("swept.mp4").grow(3 * mib).end()
	b.untilStored(g)
	open := b.server.OpenUploads()
	if len(open) != 1 || open[0].ID != full {
		t.Errorf("open uploads: %+v, expected the one with a part", open)
	}
	b.server.ForgetUploads()
	b.check(g)
}

// A foreign object comes to the key while the file grows. It stays; ours gets
// another key if the spool has it all, else it waits for room.
func TestForeignObjectComesLater(t *testing.T) {
	t.Parallel()
	foreign := func(b *bench, key string) {
		_, err := b.target.Remote.Put(t.Context(), store.Object{Key: key}, bytes.NewReader(make([]byte, 777)), 777)
		must(t, err)
	}
	b := newBench(t, benchOptions{})
	g := b.file("late.mp4").grow(3 * mib)
	b.until("it grows there", 10*time.Second, func() bool { u := b.server.OpenUploads(); return len(u) == 1 && len(u[0].Parts) > 0 })
	foreign(b, "late.mp4")
	g.end()
	b.untilStored(g)
	if got := g.now().Object; got != "late-2.mp4" || b.server.Objects()["late.mp4"].Size != 777 {
		t.Errorf("stored as %s", got)
	}

	b = newBench(t, benchOptions{spoolMax: 8 * mib})
	g = relieved(b, "late.mp4")
	foreign(b, "late.mp4")
	g.end()
	b.untilState(g, state.FileParked)
	if b.server.Objects()["late.mp4"].Size != 777 {
		t.Error("a foreign object was replaced")
	}
	must(t, b.target.Remote.Delete(t.Context(), "late.mp4"))
	_, err := b.m.Unpark(t.Context(), "")
	must(t, err)
	b.untilStored(g)
	b.check(g)
}
