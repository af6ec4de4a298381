package splice

import (
	"crypto/md5"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"
)

// viewer is an RTSP reader that notes which pictures MediaMTX delivers. It
// attaches anew after each publication, a moment after its begin.
type viewer struct {
	address string
	end     chan struct{}
	done    sync.WaitGroup

	mu  sync.Mutex
	got []string // hash of each access unit
}

func (s *scene) watch(t *testing.T) *viewer {
	v := &viewer{address: s.RTSP(path), end: make(chan struct{})}
	v.done.Go(func() {
		for {
			select {
			case <-v.end:
				return
			case <-time.After(100 * time.Millisecond):
				v.session()
			}
		}
	})
	t.Cleanup(v.close)
	return v
}

// session reads until the publication ends; there may be none.
func (v *viewer) session() {
	u, err := base.ParseURL(v.address)
	if err != nil {
		return
	}
	tcp := gortsplib.TransportTCP
	c := &gortsplib.Client{Transport: &tcp}
	if c.Start(u.Scheme, u.Host) != nil {
		return
	}
	defer c.Close()
	desc, _, err := c.Describe(u)
	if err != nil {
		return
	}
	var f *format.H264
	media := desc.FindFormat(&f)
	if media == nil {
		return
	}
	dec, err := f.CreateDecoder()
	if err != nil {
		return
	}
	if _, err := c.Setup(desc.BaseURL, media, 0, 0); err != nil {
		return
	}
	c.OnPacketRTP(media, f, func(p *rtp.Packet) {
		if au, err := dec.Decode(p); err == nil {
			v.note(au)
		}
	})
	if _, err := c.Play(nil); err != nil {
		return
	}
	over := make(chan struct{})
	go func() {
		select {
		case <-v.end:
			c.Close()
		case <-over:
		}
	}()
	c.Wait() //nolint:errcheck // it always ends with an error
	close(over)
}

func (v *viewer) note(au [][]byte) {
	if h := pictureHash(au); h != "" {
		v.mu.Lock()
		v.got = append(v.got, h)
		v.mu.Unlock()
	}
}

func (v *viewer) close() {
	select {
	case <-v.end:
	default:
		close(v.end)
	}
	v.done.Wait()
}

// pictureHash is the hash of the slices of an access unit (H.264).
func pictureHash(au [][]byte) string {
	h := md5.New()
	any := false
	for _, n := range au {
		if len(n) > 0 && (n[0]&0x1f == 1 || n[0]&0x1f == 5) {
			h.Write(n)
			any = true
		}
	}
	if !any {
		return ""
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// delivered returns what the viewer saw as numbers of the source's pictures.
func (v *viewer) delivered(t *testing.T, s *source) []int {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []int
	for i, h := range v.got {
		n, ok := s.numbers[h]
		if !ok {
			t.Errorf("the viewer's picture %d of %d is none of the source's", i, len(v.got))
			continue
		}
		out = append(out, n)
	}
	return out
}

// holds checks that all that the viewer got is in the recording. At the end of a
// publication MediaMTX takes the last picture that its SRT reader still holds
// together with the connection: a viewer may get it when the path is given up
// already.
func (s *source) holds(t *testing.T, what string, runs []run, delivered []int) {
	t.Helper()
	if len(delivered) == 0 {
		t.Errorf("%s: the viewer saw nothing", what)
	}
	have, next := map[int]bool{}, map[int]bool{}
	for _, r := range runs {
		last := 0
		for _, n := range r.frames {
			have[n] = true
			last = max(last, s.decoded[n])
		}
		next[last+1] = true
		for i := range 25 * lateStart() { // before its first key frame
			next[s.decoded[r.first()]-1-i] = true
		}
	}
	late := 0
	for _, n := range delivered {
		if !have[n] && next[s.decoded[n]] {
			late++
		} else if !have[n] {
			t.Errorf("%s: MediaMTX delivered picture %d, the recording has %v", what, n, runs)
			return
		}
	}
	t.Logf("%s: an RTSP reader got %d pictures, all are there but %d that came before its first key frame or with its end", what, len(delivered), late)
}
