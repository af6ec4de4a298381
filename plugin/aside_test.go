package plugin

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

// journals lists the journals in the spool of remote stores.
func (b *bench) journals() []string {
	b.t.Helper()
	list, err := filepath.Glob(filepath.Join(b.dir, "spool", "*.idx"))
	must(b.t, err)
	if len(list) != 3 {
		b.t.Fatal(list)
	}
	return list
}

// waits records three formats into a store that is away.
func waits(t *testing.T) (*bench, string) {
	text := "defaultStore: cos\ntemplates: {t: {mp4: {}, flv: {}, aac: {}}}\nrules: [{template: t}]\n"
	b := start(t, text)
	b.cos.SetOutage(true)
	s := b.online("live/x", small(t))
	s.Rounds(0, 2)
	s.Offline("")
	b.until("all wait for the store", 10*time.Second, func() bool {
		files, err := state.Files(context.Background(), b.p.house.db.Reader(), "WHERE state='ended' AND attempts>0")
		return err == nil && len(files) == 3
	})
	b.close()
	return b, text
}

// One bit flips in each journal while the files wait for their store: nothing is
// lost.
func TestAFlippedBitInEachWaitingJournal(t *testing.T) {
	t.Parallel()
	b, text := waits(t)
	for _, j := range b.journals() {
		raw, err := os.ReadFile(j)
		must(t, err)
		raw[40] ^= 4
		must(t, os.WriteFile(j, raw, 0o600))
	}
	c := b.copied()
	c.cos.SetOutage(false)
	c.write(text)
	c.open()
	for _, f := range c.stored(3) {
		decodes(t, c.fetch(f))
	}
}

// Journals that can't be understood: the files are kept aside, their rows say where,
// the budget is free, and it is told.
func TestUnreadableJournalsAreSetAside(t *testing.T) {
	t.Parallel()
	b, text := waits(t)
	c := b.copied()
	bodies := map[string][]byte{}
	for _, j := range c.journals() {
		raw, err := os.ReadFile(strings.TrimSuffix(j, ".idx") + ".body")
		must(t, err)
		bodies[strings.TrimSuffix(j, ".idx")+".body.bad"] = raw
		must(t, os.WriteFile(j, bytes.Repeat([]byte{0xa5}, 5000), 0o600))
	}
	c.cos.SetOutage(false)
	c.write(text)
	c.open()
	c.until("the recording is done", 10*time.Second, func() bool { return c.recordings()[0].State == state.Done })
	files, err := state.Files(context.Background(), c.p.house.db.Reader(), "WHERE state='lost'")
	must(t, err)
	if len(files) != 3 || len(bodies) != 3 {
		t.Fatalf("%d files are lost, of %d", len(files), len(bodies))
	}
	for _, f := range files {
		if !strings.Contains(f.Error, f.Spool+".body.bad") {
			t.Errorf("%s: %s", f.Object, f.Error)
		}
	}
	for path, want := range bodies {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	d := c.p.house.places.spool
	if d.Used() != 0 || d.AsideCount() != 6 {
		t.Errorf("%d bytes of the budget are used, %d files were set aside", d.Used(), d.AsideCount())
	}
}

// The state can't be written in the second in which files end: they are stored, and
// told, when it can be written again.
func TestStateFailsWhileFilesEnd(t *testing.T) {
	t.Parallel()
	b := start(t, "templates: {t: {mp4: {}, hls: {segment: 2s}}}\nrules: [{template: t}]\n")
	s := b.online("live/x", small(t))
	s.Rounds(0, 2)
	b.until("both are open", 10*time.Second, func() bool {
		files, err := state.Files(context.Background(), b.p.house.db.Reader(), "WHERE state='open' AND parent=0")
		return err == nil && len(files) == 2 && b.waiting() == 0
	})
	exec := func(sql string) {
		must(t, b.p.house.db.UpdateNow(context.Background(), func(tx *state.Tx) error { _, err := tx.Exec(sql); return err }))
	}
	exec(`CREATE TRIGGER full_files BEFORE UPDATE ON files BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	exec(`CREATE TRIGGER full_recordings BEFORE UPDATE ON recordings BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	s.Offline("")
	b.until("it was tried", 10*time.Second, func() bool { return strings.Contains(b.text(), "will be retried") })
	exec(`DROP TRIGGER full_files`)
	exec(`DROP TRIGGER full_recordings`)
	for _, f := range b.stored(2) {
		decodes(t, b.fetch(f))
	}
	b.until("the recording is done", 10*time.Second, func() bool { return b.recordings()[0].State == state.Done })
}
