package recording

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// badSPS makes an SPS of the same length that no decoder can read.
func badSPS(sps []byte) []byte {
	bad := make([]byte, len(sps))
	copy(bad, sps[:4]) // NAL header, profile, constraints, level
	return bad
}

// A picture track whose SPS cannot be read does not take the sound with it: the
// sound is recorded whole, in every format that can hold it.
func TestBadSPS(t *testing.T) {
	t.Parallel()
	src := lab.H264AAC.Make(t)
	m := lab.Samples(t, src)
	video := slices.IndexFunc(m.Tracks, func(tr lab.MediaTrack) bool { return tr.Codec == "h264" })
	sps := m.Tracks[video].Params[0]
	s := lab.Start(t, lab.Options{Recording: `templates: {all: {mp4: {}, flv: {}, hls: {container: fmp4}, aac: {}}}
rules: [{template: all}]
`})
	t.Run("rtsp", func(t *testing.T) {
		bad := withSPS(m, video, badSPS(sps), false)
		if err := playRTSP(s, bad, "", "bad/rtsp"); err != nil {
			t.Fatal(err)
		}
		checkSoundOnly(t, s, "bad/rtsp", src)
	})
	t.Run("rtmp", func(t *testing.T) {
		address := relay(t, s.RTMPPort(), sps, badSPS(sps))
		s.Publish(t, src, "rtmp://"+address+"/bad/rtmp").Wait(t)
		checkSoundOnly(t, s, "bad/rtmp", src)
	})
	// The SPS of the session description is bad, those of the stream are good:
	// pictures and sound are recorded.
	t.Run("good in band", func(t *testing.T) {
		bad := withSPS(m, video, badSPS(sps), true)
		if err := playRTSP(s, bad, "", "bad/inband"); err != nil {
			t.Fatal(err)
		}
		for _, ext := range []string{".mp4", ".flv"} {
			lab.SameMedia(t, src, lab.Whole, s.WaitStream(t, "bad/inband", ext, 1)[0])
		}
	})
}

// withSPS returns the media with another SPS to announce; the samples have
// parameter sets or not.
func withSPS(m *lab.Media, video int, sps []byte, inBand bool) *lab.Media {
	out := &lab.Media{Tracks: slices.Clone(m.Tracks), Samples: slices.Clone(m.Samples)}
	out.Tracks[video].Params = [][]byte{sps, m.Tracks[video].Params[1]}
	if inBand {
		return out
	}
	for i := range out.Samples {
		x := &out.Samples[i]
		if x.Track == video {
			x.Data = slices.DeleteFunc(slices.Clone(x.Data), func(n []byte) bool { return n[0]&0x1f == 7 || n[0]&0x1f == 8 })
		}
	}
	return out
}

func checkSoundOnly(t *testing.T, s *lab.Server, path, src string) {
	t.Helper()
	for _, ext := range []string{".mp4", ".flv", ".aac", "_eof.m3u8"} {
		f := s.WaitStream(t, path, ext, 1)[0]
		lab.SameFrames(t, path+ext+", sound", lab.Sound(t, src), lab.Sound(t, f), lab.Limits{Time: -1})
		if ext == ".mp4" || ext == ".flv" {
			lab.Silent(t, f)
		}
	}
	s.WaitLog(t, "a track is left out", "format=mp4", "SPS: ")
}

// relay passes a connection on to a port and replaces bytes of what the client
// sends by as many others.
func relay(t *testing.T, port int, from, to []byte) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return
		}
		defer server.Close()
		go io.Copy(client, server)
		io.Copy(server, &replacing{r: client, from: from, to: to})
	}()
	return l.Addr().String()
}

// replacing holds back as many bytes as a match may be cut at.
type replacing struct {
	r        io.Reader
	from, to []byte
	held     []byte
	ready    []byte
	err      error
}

func (x *replacing) Read(p []byte) (int, error) {
	for len(x.ready) == 0 && x.err == nil {
		buf := make([]byte, 32<<10)
		var n int
		n, x.err = x.r.Read(buf)
		x.held = bytes.ReplaceAll(append(x.held, buf[:n]...), x.from, x.to)
		keep := x.partial()
		if x.err != nil {
			keep = 0
		}
		x.ready, x.held = x.held[:len(x.held)-keep], slices.Clone(x.held[len(x.held)-keep:])
	}
	if len(x.ready) == 0 {
		return 0, x.err
	}
	n := copy(p, x.ready)
	x.ready = x.ready[n:]
	return n, nil
}

// partial is how many bytes at the end may be the begin of a match.
func (x *replacing) partial() int {
	for n := min(len(x.from)-1, len(x.held)); n > 0; n-- {
		if bytes.HasSuffix(x.held, x.from[:n]) {
			return n
		}
	}
	return 0
}
