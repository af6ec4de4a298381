package recording

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
)

// hostile are names that strangers may claim as their domain.
var hostile = []string{
	"..", "../../../etc", "..%2f..", "a\x00b", "a\nb", `a"b'c`, "a\\..\\b", strings.Repeat("x", 2000),
	"🎥.example", "dots...", ".hidden", "-rf", "a b", "\u202egpj", "\xff\xfe", "a;b|c&d", "con", "~root", "*.example.com",
}

// Whatever a publisher claims as its domain, by any protocol: the server goes
// on, and what is recorded stays below its prefix in both stores.
func TestHostileDomains(t *testing.T) {
	t.Parallel()
	c := lab.StartCOS(t, cosserver.Options{})
	s := lab.Start(t, lab.Options{COS: c, Recording: `templates: {both: {mp4: {}, flv: {store: cos}}}
rules: [{template: both}]
`})
	src := lab.Light.Long(2).Make(t)
	m := lab.Samples(t, src)
	whip := lab.H264Opus.Long(2).Make(t)
	mw := lab.Samples(t, whip)
	ways := map[string]func(t *testing.T, path, name string) error{
		"rtmp": func(t *testing.T, path, name string) error {
			if strings.Contains(name, "\x00") {
				return nil // not in the argument of a program
			}
			s.Publish(t, src, s.RTMP(path), "-rtmp_tcurl", "rtmp://"+name+"/"+strings.SplitN(path, "/", 2)[0]).End()
			return nil
		},
		"rtsp": func(_ *testing.T, path, name string) error { return playRTSP(s, m, name, path) },
		"domain": func(_ *testing.T, path, name string) error {
			return playRTSP(s, m, "", path+"?domain="+url.QueryEscape(name))
		},
		"srt": func(t *testing.T, path, name string) error {
			if strings.Contains(name, "\x00") {
				return nil
			}
			s.Publish(t, src, s.SRTPort(), "-srt_streamid", "#!::m=publish,r="+path+",h="+name).End()
			return nil
		},
		"whip": func(_ *testing.T, path, name string) error {
			w, err := s.TryWHIP(mw, name, path, "")
			if err != nil {
				return err
			}
			defer w.Close()
			return w.Play(mw.Samples)
		},
	}
	t.Run("push", func(t *testing.T) {
		for way, f := range ways {
			for i, name := range hostile {
				t.Run(fmt.Sprintf("%s-%d", way, i), func(t *testing.T) {
					t.Parallel()
					if err := f(t, fmt.Sprintf("%s/%d", way, i), name); err != nil {
						t.Logf("%.30q is refused: %v", name, err)
					}
				})
			}
		}
	})
	if !s.Running() {
		t.Fatal("the server has ended")
	}
	s.Stop(t)
	checkHostile(t, s, c)
}

func playRTSP(s *lab.Server, m *lab.Media, host, path string) error {
	c, err := s.TryRTSP(m, host, path)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Play(m.Samples, 1)
}

func checkHostile(t *testing.T, s *lab.Server, c *cosserver.Server) {
	t.Helper()
	files := s.Files(t)
	var keys []string
	for k := range c.Objects() {
		keys = append(keys, k)
	}
	began := 0
	for way, least := range map[string]int{"rtmp": 8, "rtsp": 8, "domain": 18, "srt": 15, "whip": 5} {
		n := len(s.Log("[recorder] recording ", "format=mp4", "path="+way+"/"))
		t.Logf("%s: the server let %d of %d in", way, n, len(hostile))
		if n < least {
			t.Errorf("%s: the server let only %d of %d in", way, n, len(hostile))
		}
		began += n
	}
	if len(files) != began || len(keys) != began {
		t.Errorf("%d pushes were recorded: %d files, %d objects", began, len(files), len(keys))
	}
	for _, k := range append(files, keys...) {
		checkKey(t, k)
	}
	for _, f := range files {
		if boxes := topBoxes(t, s.Path(f)); strings.Join(boxes, " ") != "ftyp moov mdat" {
			t.Errorf("%s: %v", f, boxes)
		}
	}
	// Nothing lies beside the folders that belong there.
	for dir, want := range map[string]string{s.Dir: "config data mediamtx.yml", filepath.Join(s.Dir, "data"): "", s.Recordings(): ".liverecord origin"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if got := strings.Join(names, " "); want != "" && got != want {
			t.Errorf("%s holds %q, want %q", dir, got, want)
		}
	}
	for _, l := range s.Log("[liveRecord]") {
		for _, r := range l.Text {
			if unicode.IsControl(r) {
				t.Errorf("the log shows a control character: %q", l.Text)
				break
			}
		}
	}
}

// checkKey checks design §1.4: below its prefix, harmless, within the limits of
// COS and file systems.
func checkKey(t *testing.T, key string) {
	t.Helper()
	if len(key) > 850 || !utf8.ValidString(key) || !strings.HasPrefix(key, "origin/") {
		t.Errorf("key %q", key)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." || len(part) > 255 || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") {
			t.Errorf("key %q: component %q", key, part)
		}
	}
	for _, r := range key {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`\"'<>|?*;&%`, r) {
			t.Errorf("key %q holds %q", key, r)
		}
	}
}
