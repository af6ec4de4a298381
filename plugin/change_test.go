package plugin

import (
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/feedtest"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/mp4"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder"
	"github.com/live-recording/liverecord/internal/state"
)

// heavy is about 12 MB a round.
func heavy(t testing.TB) *feedtest.Media {
	return feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=640x360:r=25,noise=alls=60:allf=t", Audio: true,
		Coder: []string{"-g", "24", "-keyint_min", "24", "-sc_threshold", "0", "-bf", "2", "-b:v", "20M", "-maxrate", "20M", "-bufsize", "20M"}})
}

// shifted delivers one round of another media as the n-th round of the stream.
func shifted(s *feedtest.Stream, m *feedtest.Media, n int) {
	for _, u := range m.Round(n) {
		s.Write(u.Unit)
	}
}

func TestParameterChangeBeginsANewFile(t *testing.T) {
	t.Parallel()
	b := start(t, "templates: {t: {mp4: {}, flv: {}}}\nrules: [{template: t}]\n")
	first := small(t)
	second := feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=160x120:r=25", Audio: true})
	s := b.online("live/x", first)
	s.Rounds(0, 1)
	shifted(s, second, 1)
	s.Offline("")
	files := b.stored(4)
	for _, f := range files {
		decodes(t, b.fetch(f))
		if v, _, _ := count(t, b.fetch(f)); v != 120 {
			t.Errorf("%s: %d pictures, not 120", f.Object, v)
		}
	}
	var audio int
	for _, f := range files {
		if f.Format == "mp4" {
			_, a, _ := count(t, b.fetch(f))
			audio += a
		}
	}
	if audio != 450 {
		t.Errorf("%d audio frames in both files, not 450", audio)
	}
	b.complaints()
}

// Splice: the same parameters go on in the same file; another codec in a new
// file of the same recording.
func TestReturnWithSameAndWithOtherCodec(t *testing.T) {
	t.Parallel()
	b := start(t, "templates: {t: {mp4: {splice: 1m}, flv: {splice: 1m}}}\nrules: [{template: t}]\n")
	m := small(t)
	other := feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=96x64:r=25", Audio: true,
		Coder: []string{"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "keyint=24:min-keyint=24:scenecut=0:open-gop=0:bframes=2:log-level=none"}})
	for i, x := range []*feedtest.Media{m, m, m, other} {
		s := b.online("live/x", x)
		s.Offset = time.Duration(i) * time.Hour
		s.Rounds(0, 1)
		s.Offline("lost")
	}
	b.until("it waits", 5*time.Second, func() bool { r := b.recordings(); return len(r) == 1 && r[0].State == state.Interrupted })
	b.p.house.recorder.Stop(b.recordings()[0].ID, "test")
	files := b.stored(4)
	sort.Slice(files, func(i, j int) bool {
		return files[i].Format+string(rune(files[i].Seq)) < files[j].Format+string(rune(files[j].Seq))
	})
	for i, want := range []int{360, 120, 360, 120} {
		file := b.fetch(files[i])
		if files[i].Format == "flv" && files[i].Detail.VideoCodec == "h265" {
			continue // ffmpeg 5.1 knows no Enhanced RTMP; package flv has tests of its own
		}
		v, a, d := count(t, file)
		if v != want || a != want/8*15 {
			t.Errorf("%s %d: %d pictures and %d frames, want %d and %d", files[i].Format, files[i].Seq, v, a, want, want/8*15)
		}
		if full := float64(want) / 25; d < full-0.1 || d > full+0.2 {
			t.Errorf("%s %d: %.2f s of %.2f s", files[i].Format, files[i].Seq, d, full)
		}
		decodes(t, file)
	}
	if r := b.recordings(); len(r) != 1 || r[0].Joins != 3 {
		t.Errorf("%d recordings, %d joins", len(r), r[0].Joins)
	}
	b.complaints()
}

// splice: 0s and a publisher that takes over in the same instant.
func TestTakeOverLosesNothing(t *testing.T) {
	t.Parallel()
	for _, splice := range []string{"0s", "1m"} {
		b := start(t, "templates: {t: {mp4: {splice: "+splice+"}}}\nrules: [{template: t}]\n")
		m := small(t)
		const n = 20
		for range n {
			s := b.online("live/x", m)
			s.Rounds(0, 1)
			s.Offline("replaced")
		}
		want := n
		if splice != "0s" {
			want = 1
			b.until("one recording waits", 10*time.Second, func() bool { r := b.recordings(); return len(r) == 1 && r[0].State == state.Interrupted })
			b.p.house.recorder.Stop(b.recordings()[0].ID, "test")
		}
		video, audio := 0, 0
		for _, f := range b.stored(want) {
			v, a, _ := count(t, b.fetch(f))
			video, audio = video+v, audio+a
			decodes(t, b.fetch(f))
		}
		if video != n*m.Count(0) || audio != n*m.Count(1) {
			t.Errorf("splice %s: %d pictures and %d frames, not %d and %d", splice, video, audio, n*m.Count(0), n*m.Count(1))
		}
		b.complaints()
	}
}

func TestOverflowDropsWholeGroups(t *testing.T) {
	t.Parallel()
	b := start(t, "templates: {t: {mp4: {}}}\nrules: [{template: t}]\n")
	s := b.online("live/x", heavy(t))
	s.Rounds(0, 10) // 120 MB at once, into a queue of 32
	b.until("the queue is empty", time.Minute, func() bool { return b.waiting() == 0 })
	s.Rounds(10, 11) // goes on
	var dropped int64
	b.until("the loss is told", 5*time.Second, func() bool {
		for _, x := range b.p.house.recorder.Statuses() {
			dropped = x.Dropped
		}
		return b.waiting() == 0 && dropped > 0 && strings.Contains(b.text(), "units were dropped")
	})
	s.Offline("")
	file := b.fetch(b.stored(1)[0])
	v, a, _ := count(t, file)
	if int64(v+a)+dropped != s.Sent(0)+s.Sent(1) {
		t.Errorf("%d pictures and %d frames recorded, %d units dropped, %d sent", v, a, dropped, s.Sent(0)+s.Sent(1))
	}
	if v < 120+24 {
		t.Errorf("only %d pictures", v)
	}
	decodes(t, file) // a picture without its reference would be complained of
	b.complaints("dropped")
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	b := start(t, "templates: {t: {mp4: {keep: 1s}, hls: {segment: 2s, keep: 1s}, aac: {}}}\nrules: [{template: t}]\n")
	s := b.online("live/x", small(t))
	s.Rounds(0, 2)
	s.Offline("")
	b.until("mp4 and hls are gone, aac is not", 30*time.Second, func() bool {
		keys := b.objects("local")
		return len(keys) == 1 && strings.HasSuffix(keys[0], ".aac")
	})
	b.until("it is noted", 5*time.Second, func() bool {
		n := 0
		for _, f := range b.files() {
			if f.State == state.FileExpired {
				n++
			}
		}
		return n == 2
	})
	b.complaints()
}

func TestKeyWithItsEnd(t *testing.T) {
	t.Parallel()
	b := start(t, `templates:
  t:
    mp4: {store: cos, path: "e/{StreamID}/{EndYear}-{EndMonth}"}
    flv: {path: "e/{StreamID}/{EndYear}-{EndMonth}"}
rules: [{template: t}]
`)
	s := b.online("live/x", heavy(t))
	s.Rounds(0, 1)
	time.Sleep(time.Second) // a growing upload would have begun
	s.Offline("")
	for _, f := range b.stored(2) {
		if want := "e/x/" + f.Ended.UTC().Format("2006-01") + "." + f.Format; f.Object != want {
			t.Errorf("stored as %s, not %s", f.Object, want)
		}
		decodes(t, b.fetch(f))
	}
	for _, r := range b.cos.Log() {
		if strings.Contains(r.Key, "~") {
			t.Errorf("%s of %s", r.Op, r.Key)
		}
	}
	if u := b.cos.OpenUploads(); len(u) > 0 {
		t.Errorf("open uploads: %v", u)
	}
	b.complaints("nothing that differs")
}

func TestSameKeyTwice(t *testing.T) {
	t.Parallel()
	b := start(t, `templates: {t: {mp4: {path: "same/{StreamID}"}, flv: {store: cos, path: "same/{StreamID}"}, hls: {path: "same/{StreamID}"}}}
rules: [{template: t}]
`)
	must(t, os.MkdirAll(b.path("same"), 0o700))
	must(t, os.WriteFile(b.path("same/x.mp4"), []byte("not ours"), 0o600))
	for range 3 {
		s := b.online("live/x", small(t))
		s.Rounds(0, 1)
		s.Offline("")
	}
	objects := map[string]bool{}
	for _, f := range b.stored(9) {
		if objects[f.Store+f.Object] {
			t.Errorf("%s twice", f.Object)
		}
		objects[f.Store+f.Object] = true
		if v, _, _ := count(t, b.fetch(f)); v != 120 {
			t.Errorf("%s: %d pictures", f.Object, v)
		}
	}
	if text, _ := os.ReadFile(b.path("same/x.mp4")); string(text) != "not ours" {
		t.Error("a foreign file was overwritten")
	}
	b.complaints("not ours", "nothing that differs")
}

// brittle panics while it writes a certain stream.
type brittle struct{ mux.Format }

type brittleMuxer struct {
	mux.Muxer
	n int
}

func (b brittle) New(tracks []hooks.Track) (mux.Muxer, error) {
	m, err := b.Format.New(tracks)
	if len(tracks) == 1 {
		return &brittleMuxer{Muxer: m}, err
	}
	return m, err
}

func (m *brittleMuxer) Write(s *mux.Sample) error {
	if m.n++; m.n > 500 {
		panic("brittle")
	}
	return m.Muxer.Write(s)
}

// A bug costs one recording, and not even what that has written so far.
func TestPanicIsIsolated(t *testing.T) {
	t.Parallel()
	b := start(t, "templates: {t: {mp4: {}}}\nrules: [{template: t}]\n")
	h := b.p.house
	ev := &events{emit: h.notifier.Emit, report: h.trouble.Report, places: h.places}
	r := recorder.New(recorder.Options{DB: h.db, Log: h.log, Events: ev, Place: h.places.place, Wake: h.mover.Wake, Grew: h.mover.Grew,
		Formats: map[config.FormatName]mux.Format{config.MP4: brittle{mp4.Format}}})
	c, err := config.Load(b.config)
	must(t, err)
	table, _ := plan.Compile(c, plan.Dynamic{})
	r.SetPlan(&recorder.Current{Config: c, Table: table})
	b.p.gate.set(r)
	bad, good := b.online("live/bad", small(t).Only(1)), b.online("live/good", small(t))
	for i := range 4 {
		bad.Rounds(i, i+1)
		good.Rounds(i, i+1)
		time.Sleep(500 * time.Millisecond) // what is written so far reaches the spool
	}
	bad.Offline("")
	good.Offline("")
	for _, f := range b.stored(2) {
		v, a, _ := count(t, b.fetch(f))
		decodes(t, b.fetch(f))
		if v > 0 && (v != 480 || a != 900) || v == 0 && (a < 225 || a > 500) {
			t.Errorf("%s: %d pictures and %d frames", f.Object, v, a)
		}
	}
	b.until("both are done", 5*time.Second, func() bool {
		rows := b.recordings()
		return len(rows) == 2 && rows[0].State == state.Done && rows[1].State == state.Done
	})
	if !strings.Contains(b.text(), "brittle") {
		t.Error("the panic was not logged")
	}
	b.complaints("brittle")
	r.Close(time.Minute)
}
