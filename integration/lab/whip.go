package lab

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// WHIPClient sends samples one by one over WebRTC.
type WHIPClient struct {
	pc       *webrtc.PeerConnection
	tracks   []*webrtc.TrackLocalStaticSample
	resource string
	http     *http.Client
}

// DialWHIP publishes the tracks of m (H.264 without B-frames, Opus) to a path.
// host is the Host header; "" = the server's address. query may hold more.
func (s *Server) DialWHIP(t T, m *Media, host, path, query string) *WHIPClient {
	t.Helper()
	c, err := s.TryWHIP(m, host, path, query)
	if err != nil {
		t.Fatalf("WHIP: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// TryWHIP is DialWHIP for what a server may refuse.
func (s *Server) TryWHIP(m *Media, host, path, query string) (_ *WHIPClient, err error) {
	if host == "" {
		host = fmt.Sprintf("127.0.0.1:%d", s.webrtc)
	}
	c := &WHIPClient{http: &http.Client{
		Transport: &http.Transport{DialContext: claimDialer(s.webrtc, host), DisableKeepAlives: true},
	}}
	if c.pc, err = webrtc.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.pc.Close() //nolint:errcheck // the first error counts
		}
	}()
	for _, tr := range m.Tracks {
		if err := c.addTrack(tr.Codec); err != nil {
			return nil, err
		}
	}
	connected := make(chan webrtc.PeerConnectionState, 10)
	c.pc.OnConnectionStateChange(func(st webrtc.PeerConnectionState) { connected <- st })
	address := "http://" + claimed + "/" + path + "/whip"
	if query != "" {
		address += "?" + query
	}
	if err := c.exchange(address); err != nil {
		return nil, err
	}
	for {
		select {
		case st := <-connected:
			switch st {
			case webrtc.PeerConnectionStateConnected:
				return c, nil
			case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
				return nil, fmt.Errorf("connection %s", st)
			}
		case <-time.After(Patience):
			return nil, fmt.Errorf("no connection within %s", Patience)
		}
	}
}

func (c *WHIPClient) addTrack(codec string) error {
	capability := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"}
	if codec == "opus" {
		capability = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	}
	track, err := webrtc.NewTrackLocalStaticSample(capability, codec, "test")
	if err != nil {
		return err
	}
	sender, err := c.pc.AddTrack(track)
	if err != nil {
		return err
	}
	go func() { // RTCP must be read so that lost packets are sent again
		buf := make([]byte, 1500)
		for {
			if _, _, err := sender.Read(buf); err != nil {
				return
			}
		}
	}()
	c.tracks = append(c.tracks, track)
	return nil
}

// exchange sends the offer and takes the answer (RFC 9725 §4.2).
func (c *WHIPClient) exchange(address string) error {
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	r, err := c.request(http.MethodPost, address, c.pc.LocalDescription().SDP)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s: %s", r.Status, answer)
	}
	base, err := url.Parse(address)
	if err != nil {
		return err
	}
	location, err := base.Parse(r.Header.Get("Location"))
	if err != nil {
		return err
	}
	location.Scheme, location.Host = base.Scheme, base.Host
	c.resource = location.String()
	return c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
}

func (c *WHIPClient) request(method, address, body string) (*http.Response, error) {
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/sdp")
	return c.http.Do(req)
}

// Play sends samples in real time. Their distances are those of the source.
func (c *WHIPClient) Play(samples []Sample) error {
	next := make([]int64, len(samples)) // DTS of the next sample of the track
	later := map[int]int64{}
	for i := len(samples) - 1; i >= 0; i-- {
		x := &samples[i]
		next[i] = later[x.Track]
		later[x.Track] = x.DTS
	}
	at := 0
	return play(samples, 1, func(x *Sample) error {
		d := time.Duration(next[at]-x.DTS) * time.Second / 90000
		at++
		return c.tracks[x.Track].WriteSample(media.Sample{Data: annexB(x), Duration: max(d, 0)})
	})
}

func annexB(x *Sample) []byte {
	if len(x.Data) == 1 {
		return x.Data[0]
	}
	var b []byte
	for _, n := range x.Data {
		b = append(append(b, 0, 0, 0, 1), n...)
	}
	return b
}

// Close ends the session and the connection.
func (c *WHIPClient) Close() {
	if c.resource != "" {
		time.Sleep(300 * time.Millisecond) // for what must be sent again
		if r, err := c.request(http.MethodDelete, c.resource, ""); err == nil {
			r.Body.Close()
		}
		c.resource = ""
	}
	c.pc.Close() //nolint:errcheck // it may be closed
}
