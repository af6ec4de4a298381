package hostile

import (
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

var (
	long = flag.Bool("long", false, "the whole attacks, minutes each")
	seed = flag.Uint64("seed", 1, "of what is drawn by chance")
)

func pick(short, whole int) int {
	if *long {
		return whole
	}
	return short
}

// budget is what recording.yml grants; most is how large the server may become:
// the garbage collector of Go lets a heap double before it collects, and MediaMTX
// itself holds up to three copies of a message of 16 MB per publisher.
const (
	budget = 64 << 20
	most   = 2*budget + 384<<20
)

const recording = `memory: 64MB
templates:
  all: {mp4: {interval: 10s}, flv: {interval: 10s}, hls: {segment: 2s}, aac: {}}
  good: {mp4: {}}
rules:
  - {app: good, template: good}
  - {template: all}
`

func TestHostilePublishers(t *testing.T) {
	s := lab.Start(t, lab.Options{Recording: recording,
		Config: "writeQueueSize: 8192\n"}) // for the well-behaved one on a busy machine
	source := lab.H264AAC.Long(pick(60, 600)).Make(t)
	m := newMaterial(t, s)
	peak := watch(t, s)
	good := s.Publish(t, source, s.RTMP("good/one"))
	for _, a := range attacks() {
		if !good.Running() { // it lasts as long as its source
			good.Wait(t)
			good = s.Publish(t, source, s.RTMP("good/more"))
		}
		t.Run(a.name, func(t *testing.T) { m.attack(t, a, peak) })
	}
	good.Quit(t)
	if !s.Running() {
		t.Fatal("the server has ended")
	}
	s.Stop(t)
	if n := len(s.Log("discarding")); n > 0 {
		t.Logf("MediaMTX discarded units %d times", n)
	}
	if n := len(s.Log("[recorder] recording ", "path=many/", "format=mp4")); n < manyPathsCount()/2 {
		t.Errorf("of %d short publications %d were recorded", manyPathsCount(), n)
	}
	// What was sent of the source is all there: nothing in it is missing.
	file := s.WaitStream(t, "good/one", ".mp4", 1)[0]
	lab.Silent(t, file)
	lab.SameMedia(t, source, lab.Tolerance{Tail: 1 << 20, SoundTail: 1 << 20, Time: lab.Whole.Time}, file)
}

func (m *material) attack(t *testing.T, a attack, peak *peak) {
	began := time.Now()
	var err error
	if a.alone != nil {
		err = a.alone(m)
	} else {
		err = m.push(a)
	}
	took := time.Since(began)
	t.Logf("%v; at most %d MB; ended with %v", took.Round(time.Millisecond), peak.take(t)>>20, err)
	if !m.s.Running() {
		t.Fatal("the server has ended")
	}
	if a.steady {
		allowed := int(took/time.Second) + 8
		for _, ext := range []string{".mp4", ".flv", ".ts"} {
			if n := m.begun(t, a.name, ext); n > allowed || n == 0 {
				t.Errorf("%d files %s in %v, more than %d", n, ext, took, allowed)
			}
		}
	}
}

// push publishes; a server that breaks the connection off is in its rights.
func (m *material) push(a attack) error {
	p, err := m.s.TryRTMP("hostile/" + a.name)
	if err != nil {
		return err
	}
	defer p.Close()
	return a.run(m, p)
}

// begun counts the files of a path, finished or growing.
func (m *material) begun(t *testing.T, name, ext string) (n int) {
	t.Helper()
	lab.Eventually(t, "the files of "+name, func() bool {
		n = 0
		_ = filepath.WalkDir(m.s.Recordings(), func(path string, _ fs.DirEntry, _ error) error {
			if strings.HasSuffix(path, ext) && strings.Contains(path, "/hostile/"+name+"/") {
				n++
			}
			return nil // what vanishes meanwhile does not count
		})
		return n > 0
	})
	return n
}

func newMaterial(t *testing.T, s *lab.Server) *material {
	t.Helper()
	src := lab.Samples(t, lab.H264AAC.Make(t))
	small := lab.Samples(t, lab.Light.Make(t))
	m := &material{s: s, r: rand.New(rand.NewPCG(*seed, 1)), asc: []byte{0x12, 0x10}}
	m.sps, m.pps = parameters(src)
	m.other[0], m.other[1] = parameters(small)
	for _, x := range src.Samples {
		for _, n := range x.Data {
			switch {
			case src.Tracks[x.Track].Codec == "aac":
				m.frame = n
			case n[0]&0x1f == 5 && m.key == nil:
				m.key = n
			case n[0]&0x1f == 1 && m.delta == nil:
				m.delta = n
			}
		}
	}
	return m
}

func parameters(m *lab.Media) (sps, pps []byte) {
	for _, track := range m.Tracks {
		for _, n := range track.Params {
			if n[0]&0x1f == 7 {
				sps = n
			} else {
				pps = n
			}
		}
	}
	return sps, pps
}

// peak is the largest resident size of the server since it was asked last.
type peak struct {
	mu   sync.Mutex
	size int64
}

func (p *peak) take(t *testing.T) int64 {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	size := p.size
	p.size = 0
	if size > most {
		t.Errorf("the server became %d MB large, more than %d", size>>20, most>>20)
	}
	return size
}

func watch(t *testing.T, s *lab.Server) *peak {
	p, quit, done := &peak{}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-time.After(50 * time.Millisecond):
			}
			size := resident(s.PID())
			p.mu.Lock()
			p.size = max(p.size, size)
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() { close(quit); <-done })
	return p
}

// resident is VmRSS of proc(5) in bytes; 0 when the process has ended.
func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "VmRSS:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}
