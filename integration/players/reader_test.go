package players

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"
)

// reader is an RTSP reader of another library than MediaMTX's. It notes hashes
// of what it gets: H.264 as MP4 holds it without parameter sets, and Opus.
type reader struct {
	client *gortsplib.Client

	mu              sync.Mutex
	pictures, sound []string
}

func readRTSP(t *testing.T, address string) *reader {
	t.Helper()
	u, err := base.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	tcp := gortsplib.TransportTCP
	r := &reader{client: &gortsplib.Client{Transport: &tcp}}
	if err := r.client.Start(u.Scheme, u.Host); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.client.Close)
	desc, _, err := r.client.Describe(u)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.client.SetupAll(desc.BaseURL, desc.Medias); err != nil {
		t.Fatal(err)
	}
	r.take(t, desc)
	if _, err := r.client.Play(nil); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *reader) take(t *testing.T, desc *description.Session) {
	t.Helper()
	var video *format.H264
	if m := desc.FindFormat(&video); m != nil {
		d, err := video.CreateDecoder()
		if err != nil {
			t.Fatal(err)
		}
		r.client.OnPacketRTP(m, video, func(p *rtp.Packet) {
			if au, err := d.Decode(p); err == nil {
				r.note(&r.pictures, lengths(au))
			}
		})
	}
	var sound *format.Opus
	m := desc.FindFormat(&sound)
	if m == nil {
		t.Fatalf("no Opus in %v", desc)
	}
	d, err := sound.CreateDecoder()
	if err != nil {
		t.Fatal(err)
	}
	r.client.OnPacketRTP(m, sound, func(p *rtp.Packet) {
		if packet, err := d.Decode(p); err == nil {
			r.note(&r.sound, packet)
		}
	})
}

func (r *reader) note(list *[]string, data []byte) {
	sum := md5.Sum(data)
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, hex.EncodeToString(sum[:]))
}

// stop returns the hashes.
func (r *reader) stop() (pictures, sound []string) {
	r.client.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pictures, r.sound
}

// lengths joins the NAL units but for parameter sets and delimiters, each behind
// its length.
func lengths(au [][]byte) (b []byte) {
	for _, n := range au {
		if typ := n[0] & 0x1f; typ >= 7 && typ <= 9 {
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(n)))
		b = append(b, n...)
	}
	return b
}

// coded are the hashes of a file's coded pictures, as the reader makes them.
func coded(t *testing.T, file string) (hashes []string) {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-i", file, "-map", "0:v:0", "-c", "copy",
		"-f", "framehash", "-hash", "md5", "-").Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		if f := strings.Split(lines.Text(), ","); !strings.HasPrefix(lines.Text(), "#") && len(f) >= 6 {
			hashes = append(hashes, strings.TrimSpace(f[5]))
		}
	}
	return hashes
}
