package torture

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"

	"github.com/live-recording/liverecord/integration/lab"
)

// viewer reads a stream over RTSP and notes the pictures that it gets.
type viewer struct {
	mu    sync.Mutex
	got   []mark
	times []time.Time
	bad   []error
}

func watch(t *testing.T, s *lab.Server, path string) *viewer {
	t.Helper()
	v := &viewer{}
	tcp := gortsplib.TransportTCP
	c := &gortsplib.Client{Transport: &tcp}
	u, err := base.ParseURL(s.RTSP(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(u.Scheme, u.Host); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var h *format.H264
	desc, _, err := c.Describe(u)
	if err != nil {
		t.Fatal(err)
	}
	media := desc.FindFormat(&h)
	if media == nil {
		t.Fatal("no H.264 in the stream")
	}
	if _, err := c.Setup(desc.BaseURL, media, 0, 0); err != nil {
		t.Fatal(err)
	}
	decoder, err := h.CreateDecoder()
	if err != nil {
		t.Fatal(err)
	}
	c.OnPacketRTP(media, h, func(p *rtp.Packet) {
		if au, err := decoder.Decode(p); err == nil {
			v.picture(au)
		}
	})
	if _, err := c.Play(nil); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *viewer) picture(au [][]byte) {
	found, err := scanMarks(bytes.NewReader(bytes.Join(au, nil)))
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil || len(found) != 1 {
		v.bad = append(v.bad, err)
		return
	}
	v.got, v.times = append(v.got, found[0]), append(v.times, time.Now())
}

// check proves that the viewer got every picture up to the publisher's last.
func (v *viewer) check(t *testing.T, p *publisher) {
	t.Helper()
	ses := p.sessions[0]
	until(t, "the viewer to get the last picture", 10*time.Second, func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return len(v.got) > 0 && v.got[len(v.got)-1].picture == len(ses.sent)-1
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	latest := time.Duration(0)
	for i := range v.got {
		if k := v.got[i].picture; k < len(ses.sent) {
			latest = max(latest, v.times[i].Sub(ses.sent[k]))
		}
		if i > 0 && v.got[i].picture != v.got[i-1].picture+1 {
			t.Errorf("the viewer got %v after %v", v.got[i], v.got[i-1])
		}
	}
	if len(v.bad) > 0 {
		t.Errorf("%d broken pictures", len(v.bad))
	}
	t.Logf("viewer: %d pictures, none missing, none later than %d ms after it was sent", len(v.got), latest.Milliseconds())
}
