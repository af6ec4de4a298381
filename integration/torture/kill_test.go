package torture

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/state"
)

// killed streams: what they are recorded as, and how fat their pictures are.
var killStreams = []struct {
	name, template string
	fat            int
}{
	{"spliced", "{mp4: {store: cos, splice: 15s, interval: 40s}, flv: {store: local, splice: 15s, interval: 30s}}", 36 << 10},
	{"plain", "{mp4: {store: cos}}", 40 << 10},
	{"local", "{mp4: {store: local}, aac: {store: local}, flv: {store: cos}}", 0},
	{"pieces", "{hls: {store: cos, segment: 2s, splice: 15s, interval: 60s}}", 2 << 10},
	{"flv", "{flv: {store: cos, splice: 15s, interval: 25s}}", 20 << 10},
}

func killConfig(url string) string {
	text := "templates:\n"
	for _, k := range killStreams {
		text += fmt.Sprintf("  %s: %s\n", k.name, k.template)
	}
	text += "rules:\n"
	for _, k := range killStreams {
		text += fmt.Sprintf("  - {app: live, stream: %s, template: %s}\n", k.name, k.name)
	}
	return text + fmt.Sprintf("callbacks: [{url: %q, key: secret, events: [file, status]}]\n", url)
}

// The server is killed at random instants, while parts, heads, pieces and events
// are on their ways. Afterwards everything is stored once, and whole but for
// the last second before each kill.
func TestKill(t *testing.T) {
	scenario(t)
	chance := random(1)
	c := lab.StartCOS(t, cosserver.Options{Dir: keepable(t, "bucket", t.TempDir()), PublicRead: true, Latency: 10 * time.Millisecond})
	r := receive(t, random(2), 0.1)
	s := lab.Start(t, lab.Options{Recording: killConfig(r.url), COS: c, Release: *server})
	keepable(t, "server", s.Dir)
	var pubs []*publisher
	for _, k := range killStreams {
		pubs = append(pubs, publish(t, s, "live/"+k.name, k.fat))
	}
	var kills []time.Time
	machine := newCanary(t)
	inFlight := 0
	for i := range pick(6, *n) {
		pause := time.Duration(chance.Int64N(int64(4500 * time.Millisecond)))
		if chance.IntN(5) == 0 {
			pause = time.Duration(chance.Int64N(int64(300 * time.Millisecond))) // while it takes up what was left
		}
		time.Sleep(pause)
		if len(c.OpenUploads()) > 0 {
			inFlight++
		}
		kills = append(kills, time.Now())
		s.Kill(t)
		s.Run(t)
		if i%20 == 19 {
			t.Logf("%d kills", i+1)
		}
	}
	time.Sleep(2 * time.Second)
	for _, p := range pubs {
		p.stop()
	}
	waitSettled(t, s, 90*time.Second)
	s.Stop(t)
	t.Logf("%d kills, %d of them with multipart uploads open", len(kills), inFlight)
	auditKills(t, s, c, r, pubs, kills, machine)
}

func auditKills(t *testing.T, s *lab.Server, c *cosserver.Server, r *receiver, pubs []*publisher, kills []time.Time, machine *canary) {
	t.Helper()
	b := openBook(t, s)
	b.checkStores(t, s, c, r)
	found, decoded := map[string][]mark{}, 0
	for _, f := range b.files {
		if f.State != state.FileStored {
			continue
		}
		place := filepath.Join(s.Recordings(), f.Object)
		if f.Store == "cos" {
			place = c.URL() + "/" + f.Object
		}
		path, whole := b.recordings[f.Recording].Path, true
		if f.Format != "aac" {
			list := marks(t, place)
			whole = ascending(list)
			found[path+" "+f.Format] = append(found[path+" "+f.Format], list...)
		}
		if whole || discarded(s, path) == 0 { // what MediaMTX dropped can't be decoded in silence
			silent(t, place)
			decoded++
		}
	}
	t.Logf("%d of %d files have all pictures between their first and last, and decode in silence", decoded, len(b.files))
	for _, p := range pubs {
		if len(p.sessions) < len(kills)/2 {
			t.Errorf("%s: %d publications only", p.path, len(p.sessions))
		}
		for name, list := range found {
			if path, _, _ := cut(name); path == p.path {
				y := tally{canary: machine, discarded: discarded(s, p.path)}
				y.checkPictures(t, name, p.sessions, kills, list)
				t.Logf("%s: %d publications, %v", name, len(p.sessions), y)
			}
		}
	}
}

// ascending tells whether no picture is missing within a publication.
func ascending(list []mark) bool {
	for i := 1; i < len(list); i++ {
		if list[i].session == list[i-1].session && list[i].picture != list[i-1].picture+1 {
			return false
		}
	}
	return true
}

// discarded is how many frames of a path MediaMTX says to have dropped before
// the recorder, or anybody, could read them: it was starved of CPU.
func discarded(s *lab.Server, path string) (sum int) {
	for _, l := range s.Log("[path "+path+"]", "reader is too slow, discarding") {
		_, text, _ := strings.Cut(l.Text, "discarding ")
		var n int
		if _, err := fmt.Sscanf(text, "%d", &n); err == nil {
			sum += n
		}
	}
	return sum
}
