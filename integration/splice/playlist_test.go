package splice

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/mux/hls/hlstest"
)

// piece is a line of a playlist.
type piece struct {
	uri     string
	init    string // of its EXT-X-MAP
	join    bool
	date    time.Time
	seconds float64
}

func pieces(t *testing.T, text string) (out []piece) {
	t.Helper()
	var p piece
	for _, l := range strings.Split(text, "\n") {
		name, value, _ := strings.Cut(l, ":")
		var err error
		switch {
		case name == "#EXT-X-DISCONTINUITY":
			p.join = true
		case name == "#EXT-X-MAP":
			p.init = strings.TrimSuffix(strings.TrimPrefix(value, `URI="`), `"`)
		case name == "#EXT-X-PROGRAM-DATE-TIME":
			p.date, err = time.Parse(time.RFC3339, value)
		case name == "#EXTINF":
			p.seconds, err = strconv.ParseFloat(strings.TrimSuffix(value, ","), 64)
		case l != "" && l[0] != '#':
			p.uri = l
			out = append(out, p)
			p = piece{init: p.init}
		}
		if err != nil {
			t.Fatalf("%q: %v", l, err)
		}
	}
	return out
}

// alone writes a piece with its init section into one file.
func (p *piece) alone(t *testing.T, list string) string {
	t.Helper()
	dir := filepath.Dir(list)
	text := ""
	if p.init != "" {
		text = read(t, filepath.Join(dir, p.init))
	}
	text += read(t, filepath.Join(dir, p.uri))
	file := filepath.Join(t.TempDir(), filepath.Base(p.uri))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// checkPlaylist checks a finished playlist: RFC 8216, the same content under the
// live key, EXT-X-DISCONTINUITY exactly where pictures do not follow from the
// ones before, and the program date at each join.
func (s *source) checkPlaylist(t *testing.T, list string, starts []time.Time) []piece {
	t.Helper()
	text := read(t, list)
	bad := hlstest.Validate(text)
	if s.overlaps {
		bad = slices.DeleteFunc(bad, func(b string) bool { return strings.HasSuffix(b, "program date goes back") })
	}
	if len(bad) > 0 {
		t.Errorf("%s: %v\n%s", list, bad, text)
	}
	if !strings.Contains(text, "#EXT-X-ENDLIST") || !strings.Contains(text, "#EXT-X-MEDIA-SEQUENCE:0\n") {
		t.Errorf("%s:\n%s", list, text)
	}
	if read(t, strings.Replace(list, "_eof.m3u8", ".m3u8", 1)) != text {
		t.Errorf("the live playlist differs at the end")
	}
	all := pieces(t, text)
	var joins []time.Time
	last := -1
	for i := range all {
		first, end := s.reach(t, all[i].alone(t, list))
		if follows := first == last+1; follows == (all[i].join || i == 0) && i > 0 {
			t.Errorf("piece %d has frames %d–%d after %d, discontinuity: %v", i, first, end, last, all[i].join)
		}
		if all[i].join || i == 0 {
			joins = append(joins, all[i].date)
		}
		last = end
	}
	if starts != nil {
		checkDates(t, joins, starts)
	}
	return all
}

// reach returns the first and the last frame of a piece in the order of coding.
func (s *source) reach(t *testing.T, file string) (first, last int) {
	t.Helper()
	frames, order, kind := s.pictures, s.decoded, "v"
	if len(s.pictures) == 0 {
		frames, order, kind = s.sound, nil, "a"
	}
	got := hashes(t, file, kind)
	runs := s.runs(t, filepath.Base(file), frames, got, order)
	if len(runs) != 1 {
		t.Errorf("%s decodes alone to the runs %v", filepath.Base(file), runs)
		return -2, -2
	}
	places := runs[0].frames
	if order != nil {
		places = nil
		for _, f := range runs[0].frames {
			places = append(places, order[f])
		}
	}
	return slices.Min(places), slices.Max(places)
}

// hashes decodes the pictures (v) of a piece, or reads its sound (a). A piece may
// have a track without any frame in it.
func hashes(t *testing.T, file, kind string) (frames []lab.Frame) {
	t.Helper()
	args := []string{"-nostdin", "-v", "error", "-i", file, "-map", "0:" + kind + ":0"}
	if kind == "v" {
		args = append(args, "-fps_mode", "passthrough", "-pix_fmt", "yuv420p")
	} else {
		args = append(args, "-c", "copy", "-bsf:a", "aac_adtstoasc")
	}
	cmd := exec.Command("ffmpeg", append(args, "-f", "framehash", "-hash", "md5", "-")...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	for _, l := range strings.Split(string(out), "\n") {
		if fields := strings.Split(l, ","); len(fields) >= 6 && l[0] != '#' {
			frames = append(frames, lab.Frame{Hash: strings.TrimSpace(fields[5])})
		}
	}
	return frames
}

func checkDates(t *testing.T, joins, starts []time.Time) {
	t.Helper()
	if len(joins) != len(starts) {
		t.Errorf("%d periods in the playlist, want %d", len(joins), len(starts))
		return
	}
	worst := time.Duration(0)
	for i := range joins {
		worst = max(worst, joins[i].Sub(starts[i]).Abs())
	}
	t.Logf("the program date of the joins is off by up to %v", worst)
	if worst > time.Second {
		t.Errorf("the program date of a join is off by %v", worst)
	}
}

// follower reads the live playlist again and again, as a player does.
type follower struct {
	end  chan struct{}
	done sync.WaitGroup

	bad    []string
	grown  int
	key    string
	latest string
}

func (s *scene) follow(t *testing.T) *follower {
	f := &follower{end: make(chan struct{})}
	pattern := filepath.Join(s.Recordings(), "*", "*", "*", "*", "*", "*.m3u8")
	f.done.Go(func() {
		for {
			select {
			case <-f.end:
				return
			case <-time.After(200 * time.Millisecond):
				f.look(pattern)
			}
		}
	})
	t.Cleanup(func() { f.close() })
	return f
}

func (f *follower) look(pattern string) {
	names, _ := filepath.Glob(pattern)
	for _, n := range names {
		if strings.HasSuffix(n, "_eof.m3u8") {
			continue
		}
		text, err := os.ReadFile(n)
		if err != nil {
			continue
		}
		switch {
		case f.key == "":
			f.key = n
		case f.key != n:
			f.bad = append(f.bad, "a second live playlist: "+n)
		}
		now := string(text)
		if now == f.latest {
			return
		}
		f.bad = append(f.bad, hlstest.Validate(now)...)
		if f.latest != "" {
			f.bad = append(f.bad, hlstest.Growth(f.latest, now)...)
		}
		f.latest = now
		f.grown++
	}
}

func (f *follower) close() {
	select {
	case <-f.end:
	default:
		close(f.end)
	}
	f.done.Wait()
}

// check reports what the live playlist did wrong.
func (f *follower) check(t *testing.T) {
	t.Helper()
	f.close()
	for _, b := range f.bad {
		t.Errorf("the live playlist: %s", b)
	}
	t.Logf("the live playlist grew %d times", f.grown)
	if f.grown < 3 {
		t.Errorf("the live playlist was seen growing %d times only", f.grown)
	}
}
