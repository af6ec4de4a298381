//go:build torture

package torture

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/faultfs"
	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/integration/powercut"
	"github.com/live-recording/liverecord/internal/state"
)

var hang = flag.Duration("hang", time.Minute, "how long a disk hangs in the matrix")

// cell is one try of the matrix: a server whose data folder is a faultfs, on a
// disk that can lose its power where that is tried.
type cell struct {
	t     *testing.T
	row   matrixRow
	fault matrixFault
	dir   string
	disk  *powercut.Disk // of a power cut
	fs    *faultfs.FS
	cos   *cosserver.Server
	s     *lab.Server
	pubs  []*publisher
	mark  int           // place in the log where the fault began
	armed time.Time     // when it began
	over  time.Time     // when it was over
	again time.Time     // when both streams were recorded again
	hit   chan struct{} // closed by the first operation that was struck
}

const matrixRules = `templates:
  near: {mp4: {store: local, interval: 10s}, hls: {store: local, segment: 2s}}
  far: {mp4: {store: cos, interval: 10s}, aac: {store: cos}}
rules: [{stream: near, template: near}, {stream: far, template: far}]
`

func newCell(t *testing.T, row matrixRow, fault matrixFault) *cell {
	t.Helper()
	faultfs.Need(t, powercut.Missing())
	c := &cell{t: t, row: row, fault: fault, dir: t.TempDir(), hit: make(chan struct{})}
	if fault.name == faultPower {
		c.disk = powercut.New(t, filepath.Join(c.dir, "disk"), powercut.Options{Chance: random(6000)})
		t.Cleanup(c.disk.Release)
	}
	c.cos = lab.StartCOS(t, cosserver.Options{Dir: t.TempDir(), PublicRead: true})
	c.mountFS()
	t.Cleanup(func() {
		if err := c.fs.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// mountFS puts the file system that fails in front of the disk.
func (c *cell) mountFS() {
	c.t.Helper()
	var err error
	if c.fs, err = faultfs.Mount(filepath.Join(c.dir, "data"), filepath.Join(c.dir, "disk", "data")); err != nil {
		c.t.Fatal(err)
	}
	c.fs.Kinds(kindOf)
}

// start starts the server.
func (c *cell) start() {
	c.t.Helper()
	c.s = lab.Start(c.t, lab.Options{Dir: c.dir, Release: *server, Recording: matrixRules, COS: c.cos, Spool: "maxSize: 8MB, minFree: 10MB"})
	c.t.Cleanup(func() { c.fs.Clear() }) // else a server that hangs can't be killed
}

// publish starts two publishers that come and go.
func (c *cell) publish() {
	c.t.Helper()
	for i, name := range []string{"near", "far"} {
		p := newPublisher(c.t, c.s, "live/"+name, []int{3 << 10, 36 << 10}[i])
		length := []time.Duration{4 * time.Second, 7 * time.Second}[i] // the longer one fills more than half of the spool
		p.stint = func() (time.Duration, time.Duration) { return length, 200 * time.Millisecond }
		p.start(c.t)
		c.pubs = append(c.pubs, p)
	}
}

func (c *cell) stop() {
	for _, p := range c.pubs {
		p.stop()
	}
}

// begin brings the server to where the row's operation is seen, and arms the fault.
func (c *cell) begin() {
	c.t.Helper()
	c.start()
	switch c.row.phase {
	case running:
		c.publish()
		time.Sleep(4 * time.Second)
		c.arm()
	case restart:
		c.publish()
		time.Sleep(4 * time.Second)
		c.s.Kill(c.t)
		c.arm()
		c.s.Spawn(c.t)
	case first:
		c.s.Stop(c.t)
		old, _ := filepath.Glob(filepath.Join(c.fs.Backing(), "*"))
		for _, name := range old {
			if err := os.RemoveAll(name); err != nil {
				c.t.Fatal(err)
			}
		}
		c.arm()
		c.s.Spawn(c.t)
		c.publish()
	}
}

// try makes the fault happen and says what came of it.
func (c *cell) try() string {
	c.begin()
	select {
	case <-c.hit:
	case <-time.After(15 * time.Second):
		c.fs.Clear()
		c.stop()
		return "not seen in this run"
	}
	c.hold()
	c.over = time.Now()
	c.resume()
	time.Sleep(5 * time.Second)
	c.stop()
	return c.judge()
}

// resume waits until both streams are recorded again: what could not be opened is
// tried again after a while.
func (c *cell) resume() {
	c.t.Helper()
	mark := c.s.Mark()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if c.again = time.Now(); len(c.s.LogAfter(mark, "[recorder] recording ", "path=live/near")) > 0 &&
			len(c.s.LogAfter(mark, "[recorder] recording ", "path=live/far")) > 0 {
			return
		}
	}
}

func (c *cell) arm() {
	c.mark, c.armed = c.s.Mark(), time.Now()
	pattern := faultfs.Kind(c.row.Kind)
	var once sync.Once
	struck := func() { once.Do(func() { close(c.hit) }) }
	switch c.fault.name {
	case faultHang:
		c.fs.Call(c.row.Op, pattern, struck)
		c.fs.Hang(c.row.Op, pattern)
	case faultKill:
		c.fs.Call(c.row.Op, pattern, func() {
			_ = c.s.Signal(syscall.SIGKILL)
			struck()
		})
	case faultPower:
		c.fs.Call(c.row.Op, pattern, func() {
			if err := c.disk.Cut(); err != nil {
				c.t.Error(err)
			}
			_ = c.s.Signal(syscall.SIGKILL)
			struck()
		})
	default:
		c.fs.Call(c.row.Op, pattern, struck)
		c.fs.Fail(c.row.Op, pattern, c.fault.errno)
	}
}

// hold lets the fault last, and ends it.
func (c *cell) hold() {
	c.t.Helper()
	switch c.fault.name {
	case faultHang:
		time.Sleep(pick(4*time.Second, *hang))
		c.fs.Clear()
	case faultKill:
		c.s.Kill(c.t)
		c.s.Run(c.t)
	case faultPower:
		c.disk.Release()
		c.s.Kill(c.t)
		if err := c.fs.Close(); err != nil {
			c.t.Fatal(err)
		}
		if err := c.disk.Restart(); err != nil {
			c.t.Fatal(err)
		}
		c.mountFS()
		c.s.Run(c.t)
	default:
		time.Sleep(3 * time.Second)
		c.fs.Clear()
	}
}

// judge says what the fault cost.
func (c *cell) judge() string {
	c.t.Helper()
	healed := "by itself"
	switch {
	case !c.s.Running():
		c.t.Errorf("the server has ended")
		return "the server ended"
	case !c.settles(time.Minute):
		healed = "after a restart"
		if c.row.phase == running {
			c.t.Errorf("it does not heal without a restart")
		}
		c.s.Kill(c.t)
		c.s.Run(c.t)
		if !c.settles(time.Minute) {
			c.t.Errorf("it does not heal, not by a restart either")
			healed = "not"
		}
	}
	messages := c.messages()
	c.s.Stop(c.t)
	b := openBook(c.t, c.s)
	lost := 0
	for _, f := range b.files {
		if f.State != state.FileStored {
			lost++
		}
	}
	gap, resumed := c.missing(b)
	text := fmt.Sprintf("%.1f s missing", gap.Seconds())
	if lost > 0 {
		text += fmt.Sprintf(", %d files lost", lost)
	}
	if !resumed {
		c.t.Errorf("nothing is recorded after the fault")
		text += ", no recording afterwards"
	}
	if gap > c.again.Sub(c.armed)+powerSlack {
		c.t.Errorf("%s are missing", gap)
	}
	if len(messages) == 0 && (gap > powerSlack || lost > 0) {
		c.t.Errorf("%s, %d files lost, and not a word", gap, lost)
	}
	return text + "; healed " + healed + reportedAs(messages)
}

func reportedAs(messages []string) string {
	if len(messages) == 0 {
		return "; nothing to report"
	}
	return "; logged: " + strings.Join(messages[:min(2, len(messages))], ", ")
}

func (c *cell) settles(patience time.Duration) bool {
	c.t.Helper()
	quiet := 0
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		if quiet++; !settled(c.t, c.s) {
			quiet = 0
		}
		if quiet == 3 {
			return true
		}
	}
	return false
}

var logLine = regexp.MustCompile(`(?:ERR|WAR) \[liveRecord\] (?:\[recorder\] )?([^=]*?)(?: \w+=|$)`)

// messages are the different warnings and errors since the fault began.
func (c *cell) messages() (out []string) {
	for _, l := range c.s.LogAfter(c.mark, "[liveRecord]") {
		if m := logLine.FindStringSubmatch(l.Text); m != nil {
			if text := "“" + strings.ReplaceAll(m[1], "|", "/") + "”"; !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	return out
}

// missing returns how much of what was published is in no stored file, the most
// of all streams and formats, and whether something was recorded afterwards.
func (c *cell) missing(b *book) (worst time.Duration, resumed bool) {
	c.t.Helper()
	found := map[string]map[mark]bool{}
	for _, f := range b.files {
		if f.State != state.FileStored || f.Format == "aac" {
			continue
		}
		place := filepath.Join(c.s.Recordings(), f.Object)
		if f.Store == "cos" {
			place = c.cos.URL() + "/" + f.Object
		}
		silent(c.t, place)
		name := b.recordings[f.Recording].Path + " " + f.Format
		if found[name] == nil {
			found[name] = map[mark]bool{}
		}
		for _, m := range marks(c.t, place) {
			found[name][m] = true
		}
	}
	resumed = true
	for _, p := range c.pubs {
		for name, have := range found {
			if path, _, _ := strings.Cut(name, " "); path != p.path {
				continue
			}
			lost, after := 0, false
			for _, ses := range p.sessions {
				for i, at := range ses.sent {
					if !have[mark{ses.id, i}] {
						lost++
					} else if at.After(c.over) {
						after = true
					}
				}
			}
			worst = max(worst, time.Duration(lost)*time.Second/25)
			resumed = resumed && after
		}
	}
	return worst, resumed && len(found) > 0
}
