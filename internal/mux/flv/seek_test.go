package flv

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// ranges serves one file and counts what is asked for and what is sent.
type ranges struct {
	data     []byte
	requests atomic.Int64
	sent     atomic.Int64
}

func (r *ranges) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.requests.Add(1)
	http.ServeContent(&counted{w, &r.sent}, q, "", time.Time{}, bytes.NewReader(r.data))
}

type counted struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// long is src again and again, each picture blown up by filler data.
func long(t *testing.T, src *source, times int, filler []byte) *file {
	t.Helper()
	m, err := Format.New(src.tracks)
	if err != nil {
		t.Fatal(err)
	}
	f := &file{tracks: src.tracks}
	length := int64(0) // seconds
	for i := range src.samples {
		s := &src.samples[i]
		length = max(length, (s.DTS+int64(src.tracks[s.Track].ClockRate)-1)/int64(src.tracks[s.Track].ClockRate))
	}
	for n := range int64(times) {
		for _, s := range src.samples {
			shift := n * length * int64(src.tracks[s.Track].ClockRate)
			s.DTS, s.PTS = s.DTS+shift, s.PTS+shift
			if src.tracks[s.Track].Codec.IsVideo() {
				s.Payload = append(append([][]byte{}, s.Payload...), filler)
			}
			if err := m.Write(&s); err != nil {
				t.Fatal(err)
			}
		}
		f.add(t, m.Flush())
	}
	return f
}

// A seek by HTTP uses the index: the index is found good, also where the first
// picture stands at 0 ms, and one range request brings the picture.
func TestSeekByHTTP(t *testing.T) {
	filler := append([]byte{12}, bytes.Repeat([]byte{0xFF}, 16<<10)...) // H.264 NAL unit type 12
	filler[len(filler)-1] = 0x80
	for _, c := range []struct {
		name string
		args []string
	}{
		{"picture first", []string{"-map", "0:v", "-t", "8", "-c:v", "libx264", "-bf", "0", "-g", "50"}},
		{"with audio", []string{"-t", "8", "-c:v", "libx264", "-bf", "2", "-g", "50", "-c:a", "aac"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := long(t, makeSource(t, c.args...), 12, filler)
			for _, room := range []int64{0, 64 << 10} {
				r := &ranges{data: f.finish(t, len(f.records), room)}
				server := httptest.NewServer(r)
				for _, at := range []int{0, 30, 70, 90} {
					r.requests.Store(0)
					r.sent.Store(0)
					out, err := exec.Command("ffmpeg", "-v", "debug", "-ss", fmt.Sprint(at), "-i", server.URL+"/a.flv",
						"-map", "0:v", "-frames:v", "1", "-f", "null", "-").CombinedOutput()
					if err != nil || strings.Contains(string(out), "invalid index") {
						t.Errorf("seek to %d s: %v\n%s", at, err, out)
					}
					// the start, a seek to the end that finds the length, the picture
					if n := r.requests.Load(); n > 4 {
						t.Errorf("seek to %d s: %d requests", at, n)
					}
				}
				server.Close()
			}
		})
	}
}
