package plugin

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/faultfs"
	"github.com/live-recording/liverecord/internal/feedtest"
	"github.com/live-recording/liverecord/internal/state"
)

// sickHouse has its state, its spool and one of its local stores on disks that
// can be made to hang, and a local store on a disk that is well.
func sickHouse(t *testing.T) (b *bench, disks map[string]*faultfs.FS) {
	t.Helper()
	b = &bench{t: t, dir: t.TempDir()}
	var err error
	b.cos, err = cosserver.New(cosserver.Options{})
	must(t, err)
	must(t, b.cos.Start(""))
	t.Cleanup(func() { b.cos.Close() })
	disks = map[string]*faultfs.FS{}
	for _, name := range []string{"store", "spool", "state"} {
		disks[name] = faultfs.New(t, filepath.Join(b.dir, name), filepath.Join(b.dir, "behind", name))
	}
	b.config = filepath.Join(b.dir, "recording.yml")
	b.rewrite("")
	t.Cleanup(b.close)
	return b, disks
}

// rewrite writes recording.yml with more rules.
func (b *bench) rewrite(more string) {
	b.t.Helper()
	must(b.t, os.WriteFile(b.config, fmt.Appendf(nil, `
stores:
  well: {type: local, dir: %[1]s/recordings}
  store: {type: local, dir: %[1]s/store}
  cos: {type: cos, bucket: rec-1250000000, region: ap-guangzhou, endpoint: "%[2]s", secretID: %[3]s, secretKey: %[4]s, partSize: 1MB}
state: %[1]s/state/state.db
spool: {dir: %[1]s/spool, minFree: 1MB}
defaultStore: well
api: {address: ""}
templates: {well: {mp4: {}}, store: {mp4: {store: store}}, spool: {mp4: {store: cos}}, state: {flv: {store: well}}}
rules:
  - {app: well, template: well}
  - {app: store, template: store}
  - {app: spool, template: spool}
  - {app: state, template: state}
%[5]s`, b.dir, b.cos.URL(), cosserver.DefaultSecretID, cosserver.DefaultSecretKey, more), 0o600))
}

// returns fails the test with all stacks if f does not return.
func returns(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		var all bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&all, 2)
		t.Fatalf("%s does not return\n%s", what, all.String())
	}
}

// labelled gives the goroutines of a test a name, so that others that run at the
// same time are told from them.
func labelled(t *testing.T) {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("test", t.Name())))
}

// left lists the goroutines of the test, without its own, by where they are.
func left(t *testing.T) (inCalls, others []string) {
	t.Helper()
	var all bytes.Buffer
	must(t, pprof.Lookup("goroutine").WriteTo(&all, 1))
	for _, g := range strings.Split(all.String(), "\n\n") {
		if !strings.Contains(g, fmt.Sprintf(`"test":%q`, t.Name())) || strings.Contains(g, "testing.tRunner") ||
			strings.Contains(g, "net/http.(*persistConn)") { // a connection to the COS server that is kept for later
			continue
		}
		// The two helpers of database/sql that end with the connection whose call hangs.
		if strings.Contains(g, "database/sql.(*DB).connectionOpener") || strings.Contains(g, "database/sql.(*Rows).awaitDone") {
			inCalls = append(inCalls, g)
			continue
		}
		lines := strings.Split(g, "\n")
		if len(lines) > 2 && (strings.Contains(lines[2], "syscall.") || strings.Contains(lines[2], "/syscall.")) {
			inCalls = append(inCalls, g)
		} else {
			others = append(others, g)
		}
	}
	return inCalls, others
}

var hanging = []faultfs.Op{faultfs.Statfs, faultfs.Open, faultfs.Create, faultfs.Write, faultfs.Fsync, faultfs.Rename, faultfs.Readdir,
	faultfs.Mkdir, faultfs.Flush, faultfs.Any}

// A disk hangs in one system call after the other: publications of all paths
// begin and end, health, metrics and a reload answer, what goes to another disk
// is stored whole, and the recorder ends within ten seconds. No goroutine is left
// but those in the call that hangs. What it held up is stored after the next start.
func TestDiskHangs(t *testing.T) {
	for _, disk := range []string{"store", "spool", "state"} {
		for _, op := range hanging {
			t.Run(disk+" in "+string(op), func(t *testing.T) {
				t.Parallel()
				diskHangs(t, disk, op)
			})
		}
	}
}

func diskHangs(t *testing.T, disk string, op faultfs.Op) {
	b, disks := sickHouse(t)
	labelled(t)
	b.open()
	m := small(t)
	sick, well := b.online(disk+"/a", m), b.online("well/a", m)
	sick.Rounds(0, 1)
	well.Rounds(0, 1)
	b.until("both are in their folders", 10*time.Second, b.allWritten)
	release := disks[disk].Hang(op, "*")
	sick.Rounds(1, 2)
	well.Rounds(1, 2)
	for i := range 3 {
		returns(t, "Online and Offline", func() {
			for _, app := range []string{disk, "well"} {
				s := b.online(fmt.Sprintf("%s/b%d", app, i), m)
				s.Rounds(0, 1)
				s.Offline("")
			}
		})
		time.Sleep(300 * time.Millisecond)
	}
	returns(t, "health", func() { b.p.house.health.problems() })
	returns(t, "metrics", func() {
		b.p.house.metrics.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
	})
	b.rewrite("  - {app: new, template: well}\n")
	b.until("reloaded", 10*time.Second, func() bool { return strings.Contains(b.text(), "was reloaded") })
	returns(t, "Offline", func() { well.Offline(""); sick.Offline("") })
	if disk != "state" {
		b.until("the others are stored", 20*time.Second, func() bool { return b.storedOf("well") == 4 })
	}
	begun := time.Now()
	returns(t, "Close", b.p.Close)
	t.Logf("closed after %v", time.Since(begun).Round(time.Millisecond))
	if took := time.Since(begun); took > 15*time.Second { // 10 s, and a machine that does other work
		t.Errorf("Close took %v", took)
	}
	settle(t, op)
	release()
	b.p = nil
	quiet := func() bool { a, o := left(t); return len(a)+len(o) == 0 }
	for end := time.Now().Add(time.Minute); !quiet() && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if a, o := left(t); len(a)+len(o) > 0 {
		t.Errorf("still there after the disk answers:\n%s", strings.Join(append(a, o...), "\n\n"))
	}
	b.reopen()
	b.until("all is stored", time.Minute, func() bool { return b.onTheWay() == 0 })
	want := well.Sent(0)
	if disk == "state" { // what a recording that waits for the state holds in memory ends with the process
		want = want/2 - 10 // and the last of what was handed over before
	}
	b.wellIsWhole(want)
}

// reopen starts again. What hung may hold the lock of the state for a moment after
// its call has returned.
func (b *bench) reopen() {
	b.t.Helper()
	p, err := Start(Options{ConfigFile: b.config, Version: "test", Logf: b.logf})
	must(b.t, err)
	b.p = p
	b.until("recording is on", time.Minute, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.house != nil
	})
}

// allWritten tells whether two recordings have written all that they got.
func (b *bench) allWritten() bool {
	n := 0
	for _, s := range b.p.house.recorder.Statuses() {
		if s.Waiting == 0 && len(s.Outputs) == 1 && s.Outputs[0].Bytes > 0 && s.Outputs[0].Media > 9*time.Second/2 {
			n++
		}
	}
	return n == 2
}

// settle waits for what ends by itself, and fails if more is left than what hangs.
func settle(t *testing.T, op faultfs.Op) {
	t.Helper()
	var calls, others []string
	for range 100 {
		if calls, others = left(t); len(others) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("%s: %d goroutines in calls that hang", op, len(calls))
	if len(others) > 0 {
		t.Errorf("%d goroutines are left:\n%s", len(others), strings.Join(others, "\n\n"))
	}
}

func (b *bench) storedOf(store string) (n int) {
	for _, f := range b.files() {
		if f.Store == store && f.State == state.FileStored {
			n++
		}
	}
	return n
}

func (b *bench) onTheWay() (n int) {
	for _, f := range b.files() {
		if f.State != state.FileStored {
			n++
		}
	}
	return n
}

// wellIsWhole checks that so many pictures of the recording to the disk that was
// well are there, and that all files of the long recordings decode.
func (b *bench) wellIsWhole(want int64) {
	b.t.Helper()
	for _, r := range b.recordings() {
		if !strings.HasSuffix(r.Path, "/a") {
			continue
		}
		pictures := 0
		for _, f := range b.files() {
			if f.Recording != r.ID {
				continue
			}
			place := b.path(f.Object)
			switch f.Store {
			case "store":
				place = filepath.Join(b.dir, "store", f.Object)
			case "cos":
				place = b.fetch(f)
			}
			decodes(b.t, place)
			v, _, _ := count(b.t, place)
			pictures += v
		}
		b.t.Logf("%s: %d pictures", r.Path, pictures)
		if r.Path == "well/a" && int64(pictures) < want {
			b.t.Errorf("%s: %d pictures of %d", r.Path, pictures, want)
		}
	}
}

// A disk hangs already when the server starts: it starts all the same, what needs
// another disk is recorded, and what needs this one is as soon as it answers.
func TestStartWhileADiskHangs(t *testing.T) {
	for _, disk := range []string{"store", "spool", "state"} {
		t.Run(disk, func(t *testing.T) {
			t.Parallel()
			b, disks := sickHouse(t)
			release := disks[disk].Hang(faultfs.Any, "*")
			begun := time.Now()
			var p *Plugin
			returns(t, "Start", func() {
				var err error
				p, err = Start(Options{ConfigFile: b.config, Version: "test", Logf: b.logf})
				must(t, err)
			})
			t.Logf("started after %v", time.Since(begun).Round(time.Millisecond))
			b.p = p
			m := small(t)
			var sick, well *feedtest.Stream
			returns(t, "Online", func() { sick, well = b.online(disk+"/a", m), b.online("well/a", m) })
			if disk != "state" {
				well.Rounds(0, 2)
				b.until("the other is recorded", 20*time.Second, func() bool { return len(b.files()) == 1 })
				sick.Rounds(0, 1)
				b.until("it is told", 10*time.Second, func() bool { return strings.Contains(b.text(), "recording failed") })
			} else if b.p.current() != nil {
				t.Error("there is a state")
			}
			release()
			b.until("the disk is used", 40*time.Second, func() bool {
				return disk == "state" && b.p.current() != nil || strings.Contains(b.text(), "the store can be used now")
			})
			b.until("it is recorded", 40*time.Second, func() bool {
				sick.Rounds(2, 3)
				time.Sleep(500 * time.Millisecond)
				well.Rounds(2, 3)
				return len(b.files()) >= 2
			})
			sick.Offline("")
			well.Offline("")
			b.until("all is stored", time.Minute, func() bool { return b.onTheWay() == 0 })
			b.startFailedTold(disk != "state")
		})
	}
}

func (p *Plugin) current() *house {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.house
}

// startFailedTold checks that record_start_failed was told, or was not.
func (b *bench) startFailedTold(want bool) {
	b.t.Helper()
	var n int
	must(b.t, b.p.house.db.Reader().QueryRow(`SELECT COUNT(*) FROM events WHERE body LIKE '%record_start_failed%'`).Scan(&n))
	if (n > 0) != want {
		b.t.Errorf("record_start_failed was told %d times", n)
	}
}
