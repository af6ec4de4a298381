package lab

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"
)

// RTSPClient sends samples one by one over RTSP (TCP).
type RTSPClient struct {
	c      *gortsplib.Client
	tracks []rtspTrack
	sent   uint64 // packets
	conn   net.Conn
}

type rtspTrack struct {
	media  *description.Media
	clock  int64
	encode func([][]byte) ([]*rtp.Packet, error)
}

// DialRTSP announces the tracks of m at rtsp://host/path and is ready to send.
// host is what the publisher claims; "" = the server's address.
func (s *Server) DialRTSP(t T, m *Media, host, path string) *RTSPClient {
	t.Helper()
	c, err := s.TryRTSP(m, host, path)
	if err != nil {
		t.Fatalf("RTSP: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// TryRTSP is DialRTSP for what a server may refuse.
func (s *Server) TryRTSP(m *Media, host, path string) (*RTSPClient, error) {
	if host == "" {
		host = fmt.Sprintf("127.0.0.1:%d", s.rtsp)
	}
	out := &RTSPClient{}
	desc := &description.Session{}
	for i := range m.Tracks {
		track, err := newRTSPTrack(&m.Tracks[i])
		if err != nil {
			return nil, err
		}
		out.tracks = append(out.tracks, track)
		desc.Medias = append(desc.Medias, track.media)
	}
	tcp, dial := gortsplib.TransportTCP, claimDialer(s.rtsp, host)
	out.c = &gortsplib.Client{
		Transport: &tcp, WriteQueueSize: 4096,
		DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			out.conn, err = dial(ctx, network, address)
			return out.conn, err
		},
	}
	if err := out.c.StartRecording("rtsp://"+claimed+"/"+path, desc); err != nil {
		return nil, err
	}
	return out, nil
}

func newRTSPTrack(tr *MediaTrack) (out rtspTrack, err error) {
	var f format.Format
	typ := description.MediaTypeAudio
	switch tr.Codec {
	case "h264":
		h := &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: tr.Params[0], PPS: tr.Params[1]}
		f, typ = h, description.MediaTypeVideo
		e, err := h.CreateEncoder()
		if err != nil {
			return out, err
		}
		out.encode = e.Encode
	case "aac":
		a := &format.MPEG4Audio{PayloadTyp: 97, Config: tr.AAC, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}
		f = a
		e, err := a.CreateEncoder()
		if err != nil {
			return out, err
		}
		out.encode = e.Encode
	case "opus":
		o := &format.Opus{PayloadTyp: 98, ChannelCount: tr.Channels}
		f = o
		e, err := o.CreateEncoder()
		if err != nil {
			return out, err
		}
		out.encode = func(frames [][]byte) ([]*rtp.Packet, error) {
			p, err := e.Encode(frames[0])
			return []*rtp.Packet{p}, err
		}
	default:
		return out, fmt.Errorf("codec %s", tr.Codec)
	}
	out.media = &description.Media{Type: typ, Formats: []format.Format{f}}
	out.clock = int64(f.ClockRate())
	return out, nil
}

// Send sends one sample.
func (c *RTSPClient) Send(x *Sample) error {
	track := &c.tracks[x.Track]
	packets, err := track.encode(x.Data)
	if err != nil {
		return err
	}
	for _, p := range packets {
		p.Timestamp += uint32(1000 + (x.PTS*track.clock+45000)/90000)
		if err := c.c.WritePacketRTP(track.media, p); err != nil {
			return err
		}
		c.sent++
	}
	return nil
}

// Play sends samples in real time; speed 2 is twice as fast.
func (c *RTSPClient) Play(samples []Sample, speed float64) error {
	return play(samples, speed, c.Send)
}

func play(samples []Sample, speed float64, send func(*Sample) error) error {
	start := time.Now()
	for i := range samples {
		x := &samples[i]
		due := float64(x.DTS-samples[0].DTS) / 90000 / speed
		time.Sleep(time.Until(start.Add(time.Duration(due * float64(time.Second)))))
		if err := send(x); err != nil {
			return err
		}
	}
	return nil
}

// Close waits until all was sent, and says goodbye.
func (c *RTSPClient) Close() {
	// The library's queue of packets is thrown away by Close.
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		stats := c.c.Stats()
		if stats == nil || stats.Session.RTPPacketsSent >= c.sent {
			break
		}
	}
	c.c.Close()
}

// Cut drops the connection without a goodbye. What is queued is lost.
func (c *RTSPClient) Cut() {
	c.conn.Close()
	c.c.Close()
}
