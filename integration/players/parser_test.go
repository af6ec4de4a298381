package players

import (
	"encoding/json"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// manifest is what m3u8-parser says of a playlist.
type manifest struct {
	Warnings       []string
	EndList        bool
	PlaylistType   string
	TargetDuration float64
	MediaSequence  int
	Segments       []segment
}

type segment struct {
	Duration       float64
	URI            string
	Discontinuity  bool
	DateTimeObject time.Time
	Map            struct{ URI string }
}

// follows tells whether the segment begins when the one before ends; dates
// count milliseconds.
func (s segment) follows(before segment) bool {
	end := before.DateTimeObject.Add(time.Duration(before.Duration * float64(time.Second)))
	return s.DateTimeObject.Sub(end).Abs() <= time.Millisecond
}

// parse reads a finished playlist with m3u8-parser and checks that it agrees
// with the expected timeline and with the files that lie beside it.
func parse(t *testing.T, list string, l timeline) {
	t.Helper()
	cmd := exec.Command(need(t, "node", "nodejs"), filepath.Join("node", "parse.cjs"), list)
	cmd.Env = append(os.Environ(), "NODE_PATH="+nodeModules(t))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("m3u8-parser: %v", err)
	}
	var m manifest
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(m.Warnings) > 0 || !m.EndList || m.PlaylistType != "VOD" || m.MediaSequence != 0 {
		t.Errorf("m3u8-parser reads %s as %+v", list, m)
	}
	var uris []string
	var joins []float64
	at := 0.0
	for i, s := range m.Segments {
		if s.Discontinuity {
			joins = append(joins, at)
		} else if i > 0 && !s.follows(m.Segments[i-1]) {
			t.Errorf("piece %d begins at %v, the one before at %v with %v s", i, s.DateTimeObject,
				m.Segments[i-1].DateTimeObject, m.Segments[i-1].Duration)
		}
		if math.Round(s.Duration) > m.TargetDuration {
			t.Errorf("piece %d has %v s, the target is %v s", i, s.Duration, m.TargetDuration)
		}
		at += s.Duration
		uris = append(uris, s.URI)
		if s.Map.URI != "" && !slices.Contains(uris, s.Map.URI) {
			uris = append(uris, s.Map.URI)
		}
	}
	for i, p := range l[1:] {
		if len(joins) != len(l)-1 || math.Abs(joins[i]-p.start) > 0.001 {
			t.Errorf("joins at %v, expected those of %+v", joins, l)
			break
		}
	}
	checkPieces(t, list, uris)
}

// checkPieces checks that the pieces of a playlist are all that lies in its
// folder.
func checkPieces(t *testing.T, list string, uris []string) {
	t.Helper()
	var listed []string
	for _, u := range uris {
		name, err := url.PathUnescape(u)
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, filepath.Join(filepath.Dir(list), name))
	}
	there, err := filepath.Glob(filepath.Join(filepath.Dir(listed[0]), "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(listed)
	if !slices.Equal(listed, there) {
		t.Errorf("the playlist names %v, there are %v", listed, there)
	}
}
