package plugin

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/feedtest"
	"github.com/live-recording/liverecord/internal/state"
)

// small is cheap to feed for hours.
func small(t testing.TB) *feedtest.Media {
	return feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=96x64:r=25", Audio: true,
		Coder: []string{"-g", "24", "-keyint_min", "24", "-sc_threshold", "0", "-bf", "2", "-b:v", "20k"}})
}

func rounds(d time.Duration, m *feedtest.Media) int { return int((d + m.Length - 1) / m.Length) }

func TestSixtyFiveMinutesInThreeFiles(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"local", "cos"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			b := start(t, "defaultStore: "+store+"\ntemplates: {t: {mp4: {interval: 30m}}}\nrules: [{template: t}]\n")
			m := small(t)
			s := b.online("live/long", m)
			n := rounds(65*time.Minute, m)
			for i := 0; i < n; i += 20 { // about 1 MB at once; the queue holds 32
				s.Rounds(i, min(i+20, n))
				b.until("the queue is short", time.Minute, func() bool { return b.waiting() < 4<<20 })
			}
			s.Offline("")
			var video, audio int
			var seconds float64
			for i, f := range b.stored(3) {
				v, a, d := count(t, b.fetch(f))
				video, audio, seconds = video+v, audio+a, seconds+d
				if i < 2 && (d < 1799 || d > 1802) {
					t.Errorf("file %d lasts %.2f s", i, d)
				}
				decodes(t, b.fetch(f))
			}
			if int64(video) != s.Sent(0) || int64(audio) != s.Sent(1) {
				t.Errorf("%d pictures and %d frames in the files, %d and %d were sent", video, audio, s.Sent(0), s.Sent(1))
			}
			if want := (time.Duration(n) * m.Length).Seconds(); seconds < want-0.2 || seconds > want+0.2 {
				t.Errorf("%.2f s in all, not %.2f", seconds, want)
			}
			b.complaints()
		})
	}
}

func (b *bench) waiting() (n int64) {
	for _, s := range b.p.house.recorder.Statuses() {
		n += s.Waiting
	}
	return n
}

func TestAllFormatsAtOnce(t *testing.T) {
	t.Parallel()
	b := start(t, "templates: {t: {mp4: {}, flv: {store: cos}, hls: {segment: 2s}, aac: {store: cos}}}\nrules: [{template: t}]\n")
	m := feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=320x180:r=25", Audio: true})
	s := b.online("live/all", m)
	s.Rounds(0, 4)
	s.Offline("")
	for _, f := range b.stored(4) {
		file := b.fetch(f)
		decodes(t, file)
		v, a, _ := count(t, file)
		want := int(s.Sent(0))
		if f.Format == "aac" {
			want = 0
		}
		if v != want || a != int(s.Sent(1)) {
			t.Errorf("%s: %d pictures and %d frames, %d and %d were sent", f.Format, v, a, want, s.Sent(1))
		}
		if d := f.Duration - 4*m.Length; d.Abs() > 100*time.Millisecond {
			t.Errorf("%s: noted as %v long, is %v", f.Format, f.Duration, 4*m.Length)
		}
	}
	b.until("done", 5*time.Second, func() bool { return b.recordings()[0].State == state.Done })
	b.complaints()
}

var hostile = []string{
	"..", ".", "../../etc/passwd", "a/../../b", "nul\x00byte", "new\nline", "cr\rlf", "tab\t", `quo"te`, "apo'strophe", "back\\slash",
	"trailing...", "trailing ", " leading", "😀🎥", strings.Repeat("x", 2000), strings.Repeat("é", 1000), strings.Repeat("a/", 400) + "b",
	"~", "~1", "-rf", "%2e%2e%2f", "a%00b", "C:\\windows", "con", "<script>", "$(reboot)", "`id`", "a;b", "a|b", "a?b=c", "a#b", "*",
	"\xff\xfe", "\u202egnp.exe", "//", "/", "live//x", "/abs/olute", "x.mp4", "x_eof.m3u8", ".hidden/.x", "\u0000", "",
}

// Whatever a stranger calls his stream: the key stays below its prefix.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	b := start(t, `templates:
  t:
    mp4: {path: "safe/{Domain}/{AppName}/{StreamID}/{StartYear}"}
    flv: {store: cos, path: "safe/{Domain}/{AppName}/{StreamID}/{StartYear}"}
rules: [{template: t}]
`)
	m := small(t)
	n := 0
	for _, name := range hostile {
		for _, path := range []string{name, "live/" + name, name + "/cam"} {
			s := b.online(path, m, func(p *hooks.Publication) { p.Host = name; p.Query = "domain=" + name })
			s.Rounds(0, 1)
			s.Offline("")
			n++
		}
	}
	b.stored(2 * n)
	b.complaints()
	for _, store := range []string{"local", "cos"} {
		keys := b.objects(store)
		if len(keys) != n {
			t.Errorf("%s: %d objects of %d publications", store, len(keys), n)
		}
		for _, k := range keys {
			checkKey(t, k)
		}
	}
	entries, err := os.ReadDir(b.dir)
	must(t, err)
	for _, e := range entries {
		switch strings.TrimSuffix(strings.TrimSuffix(e.Name(), "-wal"), "-shm") {
		case "recordings", "spool", "state.db", "recording.yml", "state.db.lock", "credentials":
		default:
			t.Errorf("%s appeared beside the stores", e.Name())
		}
	}
}

func checkKey(t *testing.T, k string) {
	t.Helper()
	if !strings.HasPrefix(k, "safe/") || len(k) > 850 || !utf8.ValidString(k) || filepath.ToSlash(filepath.Clean(k)) != k {
		t.Errorf("key %q", k)
	}
	for _, c := range strings.Split(k, "/") {
		if c == "" || c == "." || c == ".." || len(c) > 255 || strings.ContainsAny(c, "\x00\n\r\"\\") {
			t.Errorf("component %q of key %q", c, k)
		}
	}
}

func TestThousandEndInTheSameSecond(t *testing.T) {
	t.Parallel()
	n := 200
	if os.Getenv("LIVERECORD_LONG") != "" { // make torture; the race detector makes it take minutes
		n = 1000
	}
	for _, store := range []string{"local", "cos"} {
		t.Run(store, func(t *testing.T) {
			b := start(t, "defaultStore: "+store+"\ntemplates: {t: {mp4: {}}}\nrules: [{template: t}]\n")
			m := small(t).Only(1)
			var all []*feedtest.Stream
			for i := range n {
				s := b.online(fmt.Sprintf("live/%d", i), m)
				s.Play(0, 500*time.Millisecond)
				all = append(all, s)
			}
			for _, s := range all {
				s.Offline("")
			}
			b.stored(n)
			if got := len(b.objects(store)); got != n {
				t.Errorf("%d objects of %d publications", got, n)
			}
			b.until("all recordings are done", 10*time.Second, func() bool {
				rows, err := state.Recordings(context.Background(), b.p.house.db.Reader(), "WHERE state<>'done'")
				must(t, err)
				return len(rows) == 0
			})
			b.complaints()
		})
	}
}

func TestPublicationWithoutUnits(t *testing.T) {
	t.Parallel()
	b := start(t, "templates: {t: {mp4: {}, hls: {splice: 1m}, flv: {store: cos}}}\nrules: [{template: t}]\n")
	b.online("live/empty", small(t)).Offline("")
	b.until("the recording is done", 5*time.Second, func() bool {
		r := b.recordings()
		return len(r) == 1 && r[0].State == state.Done
	})
	if n := len(b.files()) + len(b.objects("local")) + len(b.objects("cos")); n > 0 {
		t.Errorf("%d files of nothing", n)
	}
	names, err := b.p.house.places.spool.Names()
	must(t, err)
	if len(names) > 0 {
		t.Errorf("in the spool: %v", names)
	}
	b.complaints()
}

func TestCloseFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"local", "cos"} {
		b := start(t, "defaultStore: "+store+"\ntemplates: {t: {mp4: {}, hls: {segment: 2s}}}\nrules: [{template: t}]\n")
		s := b.online("live/x", small(t))
		s.Rounds(0, 3)
		b.close()
		keys := b.objects(store)
		if !strings.Contains(strings.Join(keys, " "), ".mp4") || !strings.Contains(strings.Join(keys, " "), "_eof.m3u8") {
			t.Errorf("%s: after Close there is %v\n%s", store, keys, b.text())
		}
		b.open()
		b.stored(2)
		for _, f := range b.files() {
			v, a, _ := count(t, b.fetchWithPieces(f))
			if int64(v) != s.Sent(0) || int64(a) != s.Sent(1) {
				t.Errorf("%s %s: %d pictures and %d frames of %d and %d", store, f.Format, v, a, s.Sent(0), s.Sent(1))
			}
		}
		b.close()
	}
}

// fetchWithPieces is fetch that brings the pieces of a playlist, too.
func (b *bench) fetchWithPieces(f *state.FileRow) string {
	b.t.Helper()
	if f.Store == "local" {
		return b.path(f.Object)
	}
	dir := b.t.TempDir()
	for _, k := range b.objects("cos") {
		p := filepath.Join(dir, k)
		must(b.t, os.MkdirAll(filepath.Dir(p), 0o700))
		must(b.t, os.Rename(b.fetch(&state.FileRow{Store: "cos", Object: k}), p))
	}
	return filepath.Join(dir, f.Object)
}
