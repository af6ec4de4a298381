//go:build torture

package torture

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/integration/powercut"
)

// powerStreams are recorded while the power fails: every format, local and in
// COS, spliced and not, over three protocols, with and without goodbyes.
var powerStreams = []struct {
	name, protocol, template string
	fat                      int
	stints                   bool // comes and goes, so that files end just before a cut
}{
	{"spliced", "rtsp", "{mp4: {store: cos, splice: 15s, interval: 20s}, flv: {store: local, splice: 15s, interval: 15s}}", 30 << 10, false},
	{"plain", "rtmp", "{mp4: {store: cos}, aac: {store: cos}}", 36 << 10, true},
	{"local", "rtsp", "{mp4: {store: local, splice: 10s, interval: 10s}, aac: {store: local}}", 2 << 10, false},
	{"pieces", "srt", "{hls: {store: cos, segment: 2s, splice: 15s, interval: 60s}}", 8 << 10, false},
	{"near", "rtsp", "{hls: {store: local, segment: 2s}}", 2 << 10, true},
	{"flv", "rtmp", "{flv: {store: cos, splice: 15s, interval: 25s}}", 20 << 10, true},
}

func powerConfig(url string) string {
	text := "templates:\n"
	for _, k := range powerStreams {
		text += fmt.Sprintf("  %s: %s\n", k.name, k.template)
	}
	text += "rules:\n"
	for _, k := range powerStreams {
		text += fmt.Sprintf("  - {app: live, stream: %s, template: %s}\n", k.name, k.name)
	}
	return text + fmt.Sprintf("callbacks: [{url: %q, key: secret, events: [file, status]}]\n", url)
}

// powerSpool is so small that parts are given back while files grow.
const powerSpool = "maxSize: 24MB, minFree: 10MB"

// plant is a server whose data folder lies on a disk that loses its power.
type plant struct {
	t       *testing.T
	seed    uint64
	fs      string
	chance  *rand.Rand
	disk    *powercut.Disk
	cos     *cosserver.Server
	r       *receiver
	s       *lab.Server
	pubs    []*publisher
	cuts    []time.Time
	machine *canary
	before  func() // between two lives of the server: the disk is mounted
	sum     powerSum
}

// powerSum is what the rounds of a run come to.
type powerSum struct {
	rounds, cuts, inFlight, during, released   int
	files, pictures, missing, lost, bad, event int
	oldest                                     time.Duration
	repaired                                   int
}

// plants bounds how many labs run at once: each one is six streams.
var plants = make(chan struct{}, 3)

// newPlant starts a server and its publishers. The seed decides all of it.
func newPlant(t *testing.T, number uint64, fs, spool string) *plant {
	t.Helper()
	plants <- struct{}{}
	t.Cleanup(func() { <-plants })
	dir := t.TempDir()
	p := &plant{t: t, seed: number, fs: fs, chance: random(1000 + number)}
	p.disk = powercut.New(t, filepath.Join(dir, "data"), powercut.Options{FS: fs, Size: 512 << 20, Chance: random(2000 + number)})
	p.cos = lab.StartCOS(t, cosserver.Options{Dir: keepable(t, "bucket", t.TempDir()), PublicRead: true, Latency: 5 * time.Millisecond})
	p.r = receive(t, random(3000+number), 0.05)
	p.s = lab.Start(t, lab.Options{Dir: keepable(t, "server", dir), Recording: powerConfig(p.r.url), COS: p.cos, Spool: spool, Release: *server})
	t.Cleanup(p.disk.Release) // nothing hangs when the server is killed
	p.s.WaitLog(t, "live recording is on")
	p.machine = newCanary(t)
	for i, k := range powerStreams {
		p.pubs = append(p.pubs, p.publisher(i, k.name, k.protocol, k.fat, k.stints))
	}
	return p
}

func (p *plant) publisher(i int, name, protocol string, fat int, stints bool) *publisher {
	p.t.Helper()
	pub := newPublisher(p.t, p.s, "live/"+name, fat)
	switch protocol {
	case "rtmp":
		pub.dial = func() (sink, error) { return p.pipe(pub, p.s.RTMP(pub.path)) }
	case "srt":
		pub.dial = func() (sink, error) { return p.pipe(pub, p.s.SRT(pub.path)) }
	}
	if chance := random(4000 + 10*p.seed + uint64(i)); stints {
		pub.stint = func() (length, pause time.Duration) {
			return time.Second + time.Duration(chance.Int64N(int64(5*time.Second))), time.Duration(chance.Int64N(int64(time.Second)))
		}
	}
	pub.start(p.t)
	return pub
}

// pipe connects only to a server that answers: ffmpeg waits long for one that
// does not.
func (p *plant) pipe(pub *publisher, address string) (sink, error) {
	if !p.s.Listening() {
		return nil, fmt.Errorf("the server is away")
	}
	return dialPipe(pub.media, address)
}

// pause draws how long the server lives until the next cut: now and then only
// into its start and the recovery of what the last cut left.
func (p *plant) pause() time.Duration {
	if p.chance.IntN(4) == 0 {
		return time.Duration(p.chance.Int64N(int64(900 * time.Millisecond)))
	}
	return time.Second + time.Duration(p.chance.Int64N(int64(7*time.Second)))
}

// cutPower ends a life of the server: from one instant on nothing reaches the
// disk, and nobody learns of it.
func (p *plant) cutPower(pause time.Duration) {
	p.t.Helper()
	time.Sleep(pause)
	if len(p.cos.OpenUploads()) > 0 {
		p.sum.inFlight++
	}
	if pause < time.Second {
		p.sum.during++
	}
	p.cuts = append(p.cuts, time.Now())
	if err := p.disk.Cut(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.s.Signal(syscall.SIGKILL)
	p.disk.Release()
	p.s.Kill(p.t)
	if err := p.disk.Restart(); err != nil {
		p.t.Fatal(err)
	}
	p.sum.released += holes(p.t, filepath.Join(p.s.Dir, "data", "spool"))
	if p.before != nil {
		p.before()
	}
}

// holes counts the files of which something was given back to the disk.
func holes(t *testing.T, dir string) (n int) {
	t.Helper()
	bodies, err := filepath.Glob(filepath.Join(dir, "*.body"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range bodies {
		var s syscall.Stat_t
		if syscall.Stat(name, &s) == nil && s.Blocks*512 < s.Size-1<<16 {
			n++
		}
	}
	return n
}

// play makes so many cuts, lets the server finish, and audits.
func (p *plant) play(cuts int) {
	p.t.Helper()
	p.cutPower(3*time.Second + p.pause())
	for range cuts - 1 {
		p.s.Spawn(p.t)
		p.cutPower(p.pause())
	}
	p.s.Run(p.t)
	time.Sleep(2 * time.Second)
	for _, pub := range p.pubs {
		pub.stop()
	}
	p.settle()
	p.sum.rounds, p.sum.cuts = 1, cuts
}

// TestPowerCuts cuts the power at random instants: while files grow, soon after
// they have ended, while parts and heads are on their ways, and while the last
// cut is taken up. Afterwards everything is stored once and decodes, and at most
// 5 s of media are missing for each cut.
func TestPowerCuts(t *testing.T) {
	scenario(t)
	const perRound = 6
	cuts := pick(3, max(perRound, *n*3/2))
	var sums gather
	t.Run("rounds", func(t *testing.T) {
		for round := 0; round*perRound < cuts; round++ {
			fs := []string{"ext4", "xfs"}[round%2]
			t.Run(fmt.Sprintf("%d-%s", round, fs), func(t *testing.T) {
				t.Parallel()
				spool := powerSpool
				if round%3 == 2 {
					spool = "maxSize: 300MB, minFree: 10MB"
				}
				p := newPlant(t, uint64(round), fs, spool)
				if round%3 == 2 { // files that have ended wait in the spool
					p.cos.SetOutage(true)
					defer time.AfterFunc(20*time.Second, func() { p.cos.SetOutage(false) }).Stop()
				}
				p.play(min(perRound, cuts-round*perRound))
				p.audit()
				sums.add(p.sum)
			})
		}
	})
	report(t, "power cuts", sums.String())
}

func (g *gather) String() string {
	s := g.total
	return fmt.Sprintf("%d cuts in %d rounds on ext4 and xfs, %d of them during a start, %d with multipart uploads open, %d files found of which parts had been given back; %d file systems had to be repaired. "+
		"%d files stored, %d events. %d pictures stored, missing at the ends of publications that a cut ended %d, the oldest %.1f s before its cut. "+
		"%d files lost whole and reported, %d set aside.",
		s.cuts, s.rounds, s.during, s.inFlight, s.released, s.repaired, s.files, s.event, s.pictures, s.missing, s.oldest.Seconds(), s.lost, s.bad)
}
