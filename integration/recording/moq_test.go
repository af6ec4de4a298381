package recording

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// moqServer is a server that takes MoQ publishers.
type moqServer struct {
	*lab.Server
	quic, http  int
	fingerprint string
}

func startMoQ(t *testing.T, recording string) *moqServer {
	t.Helper()
	cert, key := lab.Certificate(t)
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	sum := sha256.Sum256(block.Bytes)
	s := &moqServer{quic: freeUDP(t), http: freeUDP(t), fingerprint: hex.EncodeToString(sum[:])}
	s.Server = lab.Start(t, lab.Options{Recording: recording, Env: []string{
		"MTX_MOQ=yes", "MTX_MOQSERVERCERT=" + cert, "MTX_MOQSERVERKEY=" + key,
		fmt.Sprintf("MTX_MOQQUICADDRESS=127.0.0.1:%d", s.quic),
		fmt.Sprintf("MTX_MOQHTTP2ADDRESS=127.0.0.1:%d", s.http), fmt.Sprintf("MTX_MOQHTTP3ADDRESS=127.0.0.1:%d", s.http),
	}})
	return s
}

func freeUDP(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// publisher starts a server that forwards what it gets on path to s by MoQ: a
// publisher that is not ours.
func (s *moqServer) publisher(t *testing.T, path, transport string) *lab.Server {
	t.Helper()
	port, fingerprint := s.quic, s.fingerprint
	if transport == "webtransport" {
		port, fingerprint = s.http, s.webFingerprint(t)
	}
	return lab.Start(t, lab.Options{Off: true, Paths: fmt.Sprintf(
		"  %s: {forward: [{dest: \"moqt://127.0.0.1:%d/%s\", moqTransport: %s, destFingerprint: %s}]}\n",
		path, port, path, transport, fingerprint)})
}

// webFingerprint asks for that of the certificate that the server made for
// WebTransport.
func (s *moqServer) webFingerprint(t *testing.T) string {
	t.Helper()
	c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	r, err := c.Get(fmt.Sprintf("https://127.0.0.1:%d/any/fingerprint", s.http))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), ":", "")
}

// What a MoQ publisher sends is recorded frame by frame, over both transports.
func TestMoQ(t *testing.T) {
	t.Parallel()
	s := startMoQ(t, everything)
	src := lab.H264AAC.Long(12).Make(t)
	m := lab.Samples(t, src)
	for _, transport := range []string{"quic", "webtransport"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			path := "moq/" + transport
			p := s.publisher(t, path, transport)
			if err := playRTSP(p, m, "", path); err != nil {
				t.Fatal(err)
			}
			s.WaitLog(t, "the recording has ended", "path="+path, `reason="the publisher closed the connection"`)
			// The publisher connects when its own stream has begun.
			tol := lab.Tolerance{Head: 150, SoundHead: 300, Tail: 10, SoundTail: 20, Time: lab.Whole.Time}
			checkFormats(t, s.Server, path, src, lab.H264AAC, tol)
		})
	}
}

// Who ended a MoQ publication is reported as it was.
func TestMoQReasons(t *testing.T) {
	t.Parallel()
	s := startMoQ(t, "")
	m := lab.Samples(t, lab.Light.Long(60).Make(t))
	push := func(t *testing.T, path string) (publisher *lab.Server) {
		p := s.publisher(t, path, "quic")
		go playRTSP(p, m, "", path) // ends with the publisher
		s.WaitLog(t, "[recorder] recording ", "path="+path)
		return p
	}
	t.Run("publisher is gone", func(t *testing.T) {
		t.Parallel()
		push(t, "reason/killed").Kill(t)
		s.WaitLog(t, "the recording has ended", "path=reason/killed", `reason="nothing was received for too long (readTimeout)"`)
	})
	t.Run("publisher leaves", func(t *testing.T) {
		t.Parallel()
		push(t, "reason/stopped").Stop(t)
		s.WaitLog(t, "the recording has ended", "path=reason/stopped", `reason="the publisher closed the connection"`)
	})
	t.Run("replaced", func(t *testing.T) {
		t.Parallel()
		push(t, "reason/replaced")
		if err := playRTSP(s.Server, lab.Samples(t, lab.Light.Long(2).Make(t)), "", "reason/replaced"); err != nil {
			t.Fatal(err)
		}
		s.WaitLog(t, "the recording has ended", "path=reason/replaced", `reason="the publication ended"`)
	})
}
