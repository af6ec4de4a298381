package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

const everywhere = "templates: {t: {mp4: {}, flv: {store: cos}}}\nrules: [{template: t}]\n"

// The server dies while it records, and the disk spoils the state: the next start
// sets that aside, takes the media up from the spool, and says so everywhere.
func TestBrokenStateDoesNotStopTheServer(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"garbage": func(path string) error {
			_ = os.Remove(path + "-wal") // it would heal the file
			return os.WriteFile(path, []byte(strings.Repeat("garbage ", 4096)), 0o600)
		},
		"empty": func(path string) error { _ = os.Remove(path + "-wal"); return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, everywhere)
			m := small(t)
			s := b.online("live/x", m)
			s.Rounds(0, 2)
			time.Sleep(1500 * time.Millisecond) // all is in the spool
			c := b.copied()
			c.write(everywhere)
			path := filepath.Join(c.dir, "state.db")
			must(t, spoil(path))
			c.open()
			if text := c.text(); !strings.Contains(text, "ERROR [recorder] THE STATE WAS BROKEN") {
				t.Errorf("it is not said:\n%s", text)
			}
			aside, err := state.Aside(path)
			must(t, err)
			if len(aside) != 1 || !strings.Contains(aside[0], "state.db.broken-20") {
				t.Errorf("set aside: %v", aside)
			}
			if p := strings.Join(c.p.house.health.problems(), "\n"); !strings.Contains(p, "the state was broken") {
				t.Errorf("readyz: %s", p)
			}
			for _, f := range c.stored(2) {
				decodes(t, c.fetch(f))
				if v, _, _ := count(t, c.fetch(f)); v < 2*m.Count(0)-20 {
					t.Errorf("%s: %d pictures of %d", f.Format, v, 2*m.Count(0))
				}
			}
			next := c.online("live/y", m)
			next.Rounds(0, 1)
			next.Offline("")
			c.stored(4)
			must(t, os.Rename(aside[0], filepath.Join(c.t.TempDir(), "old.db")))
			c.until("it is acknowledged", 5*time.Second, func() bool { return len(c.p.house.health.problems()) == 0 })
			b.discard(s)
		})
	}
}

// A state of a newer version is whole: nothing is recorded, and nothing of it is
// touched; the server goes on.
func TestNewerStateIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := start(t, everywhere)
	must(t, b.p.house.db.Update(t.Context(), func(tx *state.Tx) error {
		_, err := tx.Exec("INSERT INTO schema_migrations (name, applied) VALUES ('999_future.sql', 1)")
		return err
	}))
	b.close()
	path := filepath.Join(b.dir, "state.db")
	before, err := os.ReadFile(path)
	must(t, err)
	b.p, err = Start(Options{ConfigFile: b.config, Version: "test", Logf: b.logf})
	must(t, err)
	if b.p.current() != nil || !strings.Contains(b.text(), "recording can't start") || !strings.Contains(b.text(), "newer version") {
		t.Errorf("it is not said:\n%s", b.text())
	}
	s := b.online("live/x", small(t)) // nobody minds
	s.Rounds(0, 1)
	s.Offline("")
	after, err := os.ReadFile(path)
	must(t, err)
	if string(before) != string(after) {
		t.Error("the state was changed")
	}
	if aside, _ := state.Aside(path); len(aside) > 0 {
		t.Errorf("it was set aside: %v", aside)
	}
}

// The file is damaged while the server runs: the next change that meets the
// damage says so, and the next start heals it.
func TestStateBreaksWhileRunning(t *testing.T) {
	t.Parallel()
	b := start(t, everywhere)
	must(t, b.p.house.db.Update(t.Context(), func(tx *state.Tx) error {
		_, err := tx.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<300)
			INSERT INTO recordings (id, path, domain, app, stream, task, rule, template, template_id, plan, state, deadline, started, ended, joins, publication, reason)
			SELECT i, 'p', 'd', 'a', 's', '', '', 't', 0, '{}', 'done', 0, 1, 2, 0, '{}', hex(randomblob(10000)) FROM n`)
		return err
	}))
	b.close()
	b.open()
	path := filepath.Join(b.dir, "state.db")
	info, err := os.Stat(path)
	must(t, err)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat("garbage ", int(info.Size()-8192)/8)), 8192)
	must(t, err)
	must(t, f.Close())
	_ = b.p.house.db.Update(t.Context(), func(tx *state.Tx) error {
		_, err := tx.Exec("UPDATE recordings SET joins=joins+1")
		return err
	})
	b.until("it is said", 10*time.Second, func() bool { return strings.Contains(b.text(), "THE STATE IS BROKEN") })
	if p := strings.Join(b.p.house.health.problems(), "\n"); !strings.Contains(p, "the state is broken") {
		t.Errorf("readyz: %s", p)
	}
	b.close()
	b.open()
	if !strings.Contains(b.text(), "THE STATE WAS BROKEN") {
		t.Errorf("the next start does not set it aside:\n%s", b.text())
	}
}

// The folder of one store can't be opened: the others work, its recordings are
// reported as not started, and begin when it can be.
func TestStoreThatCantBeOpened(t *testing.T) {
	for name, hide := range map[string]string{"store": "recordings", "spool": "spool"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, everywhere)
			b.close()
			hidden := filepath.Join(b.dir, hide)
			must(t, os.Rename(hidden, hidden+".away"))
			must(t, os.WriteFile(hidden, nil, 0o600))
			b.open()
			m := small(t)
			s := b.online("live/x", m)
			s.Rounds(0, 1)
			b.until("the other format is recorded", 10*time.Second, func() bool { return len(b.files()) == 1 })
			b.until("it is told", 10*time.Second, func() bool { return strings.Contains(b.text(), "recording failed") })
			if p := b.p.house.health.problems(); len(p) != 1 || !strings.Contains(p[0], "can't be used") {
				t.Errorf("readyz: %s", p)
			}
			must(t, os.Remove(hidden))
			must(t, os.Rename(hidden+".away", hidden))
			b.until("it can be used", 15*time.Second, func() bool { return strings.Contains(b.text(), "the store can be used now") })
			for i := 1; len(b.files()) < 2 && i < 100; i++ {
				s.Rounds(i, i+1)
				time.Sleep(200 * time.Millisecond)
			}
			s.Offline("")
			for _, f := range b.stored(2) {
				decodes(t, b.fetch(f))
			}
			b.startFailedTold(true)
			if p := b.p.house.health.problems(); len(p) != 0 {
				t.Errorf("readyz: %s", p)
			}
		})
	}
}

// A store comes back after the start that found files of an earlier run in it:
// they are stored then.
func TestLateStoreGivesItsFiles(t *testing.T) {
	t.Parallel()
	text := "templates: {t: {mp4: {splice: 10m}, hls: {store: cos, segment: 2s}}}\nrules: [{template: t}]\n"
	b := start(t, text)
	m := heavy(t)
	s := b.online("live/x", m)
	s.Rounds(0, 1)
	time.Sleep(1500 * time.Millisecond)
	c := b.copied()
	b.discard(s)
	b.cos.SetOutage(false)
	c.write(text)
	for _, hide := range []string{"recordings", "spool"} { // else they are used on
		must(t, os.RemoveAll(filepath.Join(b.dir, hide)))
	}
	for _, hide := range []string{"recordings", "spool"} {
		must(t, os.Rename(filepath.Join(c.dir, hide), filepath.Join(c.dir, hide+".away")))
		must(t, os.WriteFile(filepath.Join(c.dir, hide), nil, 0o600))
	}
	c.open()
	for _, hide := range []string{"recordings", "spool"} {
		must(t, os.Remove(filepath.Join(c.dir, hide)))
		must(t, os.Rename(filepath.Join(c.dir, hide+".away"), filepath.Join(c.dir, hide)))
	}
	for _, f := range c.stored(2) {
		file := c.fetchWithPieces(f)
		decodes(t, file)
		if v, _, _ := count(t, file); v < m.Count(0)-20 {
			t.Errorf("%s: %d pictures of %d", f.Format, v, m.Count(0))
		}
	}
	c.until("the recording is done", 10*time.Second, func() bool { return c.recordings()[0].State == state.Done })
}

// Two servers with a state each, and one spool or store folder: the second one
// leaves it alone, says whose it is, and records what goes elsewhere.
func TestTwoServersNeverShareAFolder(t *testing.T) {
	t.Parallel()
	b := start(t, everywhere)
	m := small(t)
	s := b.online("live/x", m)
	s.Rounds(0, 1)
	b.until("it is recorded", 10*time.Second, func() bool { return len(b.files()) == 2 })

	second := &bench{t: t, dir: t.TempDir(), cos: b.cos}
	second.config = filepath.Join(second.dir, "recording.yml")
	second.write("") // for its folder; then with those of the first
	text, err := os.ReadFile(second.config)
	must(t, err)
	shared := strings.ReplaceAll(string(text), second.dir, b.dir)
	shared = strings.Replace(shared, "state: "+b.dir, "state: "+second.dir, 1)
	shared = strings.Replace(shared, "stores:\n", "stores:\n  own: {type: local, dir: "+second.dir+"/own}\n", 1)
	must(t, os.WriteFile(second.config, []byte(shared+"templates: {t: {mp4: {store: local}, flv: {store: cos}, aac: {store: own}}}\nrules: [{template: t}]\n"), 0o600))
	second.open()
	t.Cleanup(second.close)
	if n := strings.Count(second.text(), "is in use by mediamtx, pid"); n != 2 {
		t.Errorf("%d folders are in use:\n%s", n, second.text())
	}
	other := second.online("live/x", m)
	other.Rounds(0, 1)
	second.until("own is recorded", 10*time.Second, func() bool { return len(second.files()) == 1 })
	s.Rounds(1, 3)
	s.Offline("")
	for _, f := range b.stored(2) {
		if v, _, _ := count(t, b.fetch(f)); int64(v) != s.Sent(0) {
			t.Errorf("%s: %d pictures of %d", f.Format, v, s.Sent(0))
		}
	}
	second.startFailedTold(true)
	b.close()
	second.until("the folders are free", 25*time.Second, func() bool { return strings.Count(second.text(), "the store can be used now") == 2 })
	other.Offline("")
}

// The state of another server is not taken; recording begins when that ends.
func TestStateInUse(t *testing.T) {
	t.Parallel()
	b := start(t, everywhere)
	second := &bench{t: t, dir: b.dir, config: b.config, cos: b.cos}
	p, err := Start(Options{ConfigFile: b.config, Version: "test", Logf: second.logf})
	must(t, err)
	second.p = p
	t.Cleanup(second.close)
	if p.current() != nil || !strings.Contains(second.text(), "is in use by mediamtx, pid") {
		t.Errorf("it is not said:\n%s", second.text())
	}
	m := small(t)
	s := second.online("live/x", m)
	b.close()
	for end := time.Now().Add(time.Minute); p.current() == nil && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if p.current() == nil {
		t.Fatalf("it does not start:\n%s", second.text())
	}
	s.Rounds(0, 1)
	s.Offline("")
	second.stored(2)
}
