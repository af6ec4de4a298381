package players

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// publication is what one push contributed to a recording.
type publication struct {
	first  int     // number of the first picture
	start  float64 // where it begins in the recording, seconds
	length float64 // seconds
}

// timeline is what a recording shows when.
type timeline []publication

// duration is the length of the whole recording in seconds.
func (l timeline) duration() float64 {
	last := l[len(l)-1]
	return last.start + last.length
}

// at is the number of the picture that is shown at a time.
func (l timeline) at(time float64) float64 {
	k := 0
	for k+1 < len(l) && time >= l[k+1].start-0.5/rate {
		k++
	}
	return float64(l[k].first) + (time-l[k].start)*rate
}

// nearJoin tells whether the time is within some pictures of a join, where
// players differ in which publication they show.
func (l timeline) nearJoin(time float64) bool {
	for _, p := range l[1:] {
		if math.Abs(time-p.start) < 3.0/rate {
			return true
		}
	}
	return false
}

var extinf = regexp.MustCompile(`^#EXTINF:([0-9.]+)`)

// playlistTimeline reads from a playlist when each publication begins; firsts
// are the numbers of their first pictures.
func playlistTimeline(t *testing.T, file string, firsts ...int) (l timeline) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := 0.0
	l = timeline{{first: firsts[0]}}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#EXT-X-DISCONTINUITY") && !strings.HasPrefix(line, "#EXT-X-DISCONTINUITY-") {
			if len(l) == len(firsts) {
				t.Fatalf("more joins than publications:\n%s", text)
			}
			l[len(l)-1].length = at - l[len(l)-1].start
			l = append(l, publication{first: firsts[len(l)], start: at})
		}
		if m := extinf.FindStringSubmatch(line); m != nil {
			d, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			at += d
		}
	}
	if len(l) != len(firsts) {
		t.Fatalf("%d publications, the playlist has %d:\n%s", len(firsts), len(l), text)
	}
	l[len(l)-1].length = at - l[len(l)-1].start
	return l
}

// below is the name of a file below the local store, with slashes.
func below(t *testing.T, s *lab.Server, file string) string {
	t.Helper()
	name, err := filepath.Rel(s.Recordings(), file)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(name)
}
