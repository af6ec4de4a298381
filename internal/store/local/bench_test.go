package local

import (
	"fmt"
	"os"
	"testing"

	"github.com/live-recording/liverecord/config"
)

// BenchmarkFinish finishes files whose body is 1 GiB (sparse: only what Finish
// itself does is measured) with a room for 30 minutes.
func BenchmarkFinish(b *testing.B) {
	s, err := New(config.Store{Dir: b.TempDir()}, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const body = 1 << 30
	room := Room(30 * 60 * 1e9)
	front := make([]byte, room)
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		name := fmt.Sprint(i)
		f, err := s.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		if err := os.Truncate(f.Name(), room+body); err != nil {
			b.Fatal(err)
		}
		f.Close()
		b.StartTimer()
		r := Finish{Name: name, Key: name + ".mp4", Room: room, Body: body}
		r.Head = func(int64) ([]byte, []byte, error) { return front, nil, nil }
		if _, err := s.Finish(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
