//go:build torture

package torture

import (
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/state"
)

// powerSlack is what a power cut may take of a publication (promise 2).
const powerSlack = 5 * time.Second

// gather adds up what parallel rounds found.
type gather struct {
	mu    sync.Mutex
	total powerSum
}

func (g *gather) add(s powerSum) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := &g.total
	t.rounds += s.rounds
	t.cuts += s.cuts
	t.inFlight += s.inFlight
	t.during += s.during
	t.released += s.released
	t.files += s.files
	t.pictures += s.pictures
	t.missing += s.missing
	t.lost += s.lost
	t.bad += s.bad
	t.event += s.event
	t.repaired += s.repaired
	t.oldest = max(t.oldest, s.oldest)
}

// settle waits until nothing is on its way any more. What still is then is tried
// for ever: it is named.
func (p *plant) settle() {
	p.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for quiet := 0; quiet < 3; { // a publication may just begin when nothing else goes on
		if quiet++; !settled(p.t, p.s) {
			quiet = 0
		}
		if time.Now().After(deadline) {
			p.unsettled()
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// unsettled says what is tried for ever.
func (p *plant) unsettled() {
	p.t.Helper()
	db, err := state.OpenReadOnly(filepath.Join(p.s.Dir, "data", "state.db"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	files, err := state.Files(context.Background(), db.Reader(), "WHERE state IN ('open','waiting','ended','parked')")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range files {
		p.t.Errorf("still on its way: %s of %s (%s, spool %q, %d attempts): %s", f.Object, f.Store, f.State, f.Spool, f.Attempts, f.Error)
	}
	running, err := state.Recordings(context.Background(), db.Reader(), "WHERE state IN ('recording','interrupted','finalizing')")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, r := range running {
		p.t.Errorf("not done: recording %d of %s (%s, until %v)", r.ID, r.Path, r.State, r.Deadline)
	}
	p.t.Errorf("round %d on %s does not settle: %d files, %d deliveries", p.seed, p.fs, len(files), undelivered(p.t, db))
}

// audit compares what is stored with what was published.
func (p *plant) audit() {
	p.t.Helper()
	said := p.doctor()
	p.s.Stop(p.t)
	b := openBook(p.t, p.s)
	b.lossy = true
	b.checkStores(p.t, p.s, p.cos, p.r)
	p.reported(b, said)
	found := p.decodeAll(b)
	for i, pub := range p.pubs {
		if powerStreams[i].protocol != "rtsp" {
			pub.connected()
		}
		for name, list := range found {
			if path, _, _ := strings.Cut(name, " "); path == pub.path {
				p.compare(name, pub, list, powerStreams[i].protocol)
			}
		}
	}
	p.sum.event, p.sum.lost = len(b.events), len(b.lost)
	if p.disk.Repaired() {
		p.sum.repaired++
	}
}

// decodeAll decodes every stored file and reads its marks, per path and format.
func (p *plant) decodeAll(b *book) map[string][]mark {
	p.t.Helper()
	found := map[string][]mark{}
	for _, f := range b.files {
		if f.State != state.FileStored {
			continue
		}
		p.sum.files++
		place := filepath.Join(p.s.Recordings(), f.Object)
		if f.Store == "cos" {
			place = p.cos.URL() + "/" + f.Object
		}
		path := b.recordings[f.Recording].Path
		p.silent(path, place)
		if f.Format != "aac" {
			name := path + " " + f.Format
			found[name] = append(found[name], marks(p.t, place)...)
		}
	}
	return found
}

// silent checks that a file decodes in silence. Pictures that MediaMTX said it dropped
// for want of CPU are missing as references of others: ffmpeg says so.
func (p *plant) silent(path, place string) {
	p.t.Helper()
	err := decode(place)
	if n := discarded(p.s, path); err != nil && n > 0 {
		p.t.Logf("%d pictures of %s were dropped for want of CPU: %.300v", n, path, err)
		return
	}
	if err != nil {
		p.t.Error(err)
	}
}

// compare judges one stream in one format.
func (p *plant) compare(name string, pub *publisher, list []mark, protocol string) {
	p.t.Helper()
	slack := powerSlack
	if protocol != "rtsp" {
		slack += transit
	}
	y := tally{canary: p.machine, discarded: discarded(p.s, pub.path), slack: slack,
		owed: func(ses *session, slack time.Duration) int { return ses.owedAfter(p.cuts, slack) }}
	y.checkPictures(p.t, name, pub.sessions, p.cuts, list)
	p.sum.pictures += y.stored
	p.sum.missing += y.missing
	p.sum.oldest = max(p.sum.oldest, y.oldest)
	p.t.Logf("%s: %d publications, %v", name, len(pub.sessions), y)
}

// owedAfter counts the pictures of a session that no power cut may take: those
// that were sent slack or more before the next cut. A goodbye is no promise: the
// file may have ended in the second before the cut.
func (ses *session) owedAfter(cuts []time.Time, slack time.Duration) (count int) {
	end := ses.ended
	for _, at := range ses.sent {
		risk := slices.ContainsFunc(cuts, func(c time.Time) bool { return !c.Before(at) && c.Sub(at) < slack })
		if risk || !ses.proper && end.Sub(at) < time.Second { // the connection broke: what was on its way is the publisher's
			return count
		}
		count++
	}
	return count
}

// doctor asks the running server's doctor.
func (p *plant) doctor() string {
	p.t.Helper()
	cmd := exec.Command(lab.Binary(p.t, *server), "record", "doctor", "--json")
	cmd.Dir = p.s.Dir
	out, err := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != 1 {
		p.t.Errorf("record doctor ends with %d: %v\n%s", code, err, out)
	}
	var findings []map[string]any
	if err := json.Unmarshal(out, &findings); err != nil {
		p.t.Errorf("record doctor: %v\n%s", err, out)
	}
	return string(out)
}

// reported checks that doctor speaks of what is lost and of what was set aside.
func (p *plant) reported(b *book, said string) {
	p.t.Helper()
	for _, f := range b.lost {
		if !strings.Contains(said, f.Object) {
			p.t.Errorf("record doctor says nothing of %s, which is lost: %s", f.Object, f.Error)
		}
		p.t.Logf("lost: %s, %d bytes: %s", f.Object, f.Size, f.Error)
	}
	for _, f := range b.files {
		if f.Detail.Damaged > 0 && !strings.Contains(said, f.Object) {
			p.t.Errorf("record doctor says nothing of %s, which had %d damaged bytes", f.Object, f.Detail.Damaged)
		}
	}
	for _, dir := range []string{"data/spool", "data/recordings/.liverecord"} {
		aside, _ := filepath.Glob(filepath.Join(p.s.Dir, dir, "*.bad*"))
		p.sum.bad += len(aside)
		for _, name := range aside {
			if !strings.Contains(said, filepath.Base(name)) {
				p.t.Errorf("record doctor says nothing of %s", name)
			}
		}
	}
}
