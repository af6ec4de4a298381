package lab

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"path"
	"time"
)

// Message types of RTMP (Adobe's specification 1.0, §7.1).
const (
	rtmpChunkSize = 1
	rtmpAudio     = 8
	rtmpVideo     = 9
	rtmpData      = 18
	rtmpCommand   = 20
)

// rtmpChunk is how long a chunk of ours may be, in bytes.
const rtmpChunk = 65536

// RTMPPush is a publisher that writes its messages itself, as no honest one
// would: any time stamps, any order, any size.
type RTMPPush struct {
	conn  net.Conn
	w     *bufio.Writer
	chunk int
	begun chan struct{} // closed when the server takes the publication
	ended chan struct{} // closed when the server has closed the connection
}

// TryRTMP publishes to a path, app/stream.
func (s *Server) TryRTMP(at string) (*RTMPPush, error) {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.rtmp))
	if err != nil {
		return nil, err
	}
	p := &RTMPPush{conn: conn, w: bufio.NewWriterSize(conn, 1<<16), chunk: 128, begun: make(chan struct{}), ended: make(chan struct{})}
	if err := p.open(s.rtmp, at); err != nil {
		conn.Close()
		return nil, err
	}
	return p, nil
}

func (p *RTMPPush) open(port int, at string) error {
	if err := p.handshake(); err != nil {
		return err
	}
	go p.read()
	app, stream := path.Split(at)
	app = path.Clean(app)
	_ = p.message(2, rtmpChunkSize, 0, 0, binary.BigEndian.AppendUint32(nil, rtmpChunk)) // errors stay in the writer
	p.chunk = rtmpChunk
	object := [][2]string{{"app", app}, {"type", "nonprivate"}, {"flashVer", "FMLE/3.0"}, {"tcUrl", fmt.Sprintf("rtmp://127.0.0.1:%d/%s", port, app)}}
	connect := append(amfNumber(amfString(nil, "connect"), 1), 3)
	for _, kv := range object {
		connect = amfString(append(connect, amfName(kv[0])...), kv[1])
	}
	_ = p.message(3, rtmpCommand, 0, 0, append(connect, 0, 0, 9))
	_ = p.message(3, rtmpCommand, 0, 0, append(amfNumber(amfString(nil, "createStream"), 2), 5))
	publish := append(amfNumber(amfString(nil, "publish"), 3), 5)
	_ = p.message(3, rtmpCommand, 0, 1, amfString(amfString(publish, stream), "live"))
	if err := p.w.Flush(); err != nil {
		return err
	}
	select {
	case <-p.begun:
		return nil
	case <-p.ended:
		return errors.New("the server has closed the connection")
	case <-time.After(Patience):
		return errors.New("the server does not answer")
	}
}

func (p *RTMPPush) handshake() error {
	c0c1 := make([]byte, 1+1536)
	c0c1[0] = 3
	if _, err := p.conn.Write(c0c1); err != nil {
		return err
	}
	answer := make([]byte, 1+1536+1536)
	if _, err := io.ReadFull(p.conn, answer); err != nil {
		return err
	}
	_, err := p.conn.Write(answer[1 : 1+1536])
	return err
}

// read looks for the server's consent, then reads on so that it never waits for us.
func (p *RTMPPush) read() {
	defer close(p.ended)
	var seen []byte
	buf := make([]byte, 4096)
	for begun := false; ; {
		n, err := p.conn.Read(buf)
		if seen = append(seen, buf[:n]...); !begun && bytes.Contains(seen, []byte("NetStream.Publish.Start")) {
			begun = true
			close(p.begun)
		}
		if begun {
			seen = seen[:0]
		}
		if err != nil {
			return
		}
	}
}

// message writes one message, its time in ms, in chunks of type 0 and 3 (§5.3.1).
func (p *RTMPPush) message(chunkStream, kind byte, at, stream uint32, body []byte) error {
	short := min(at, 0xffffff)
	h := []byte{chunkStream, byte(short >> 16), byte(short >> 8), byte(short), byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body)), kind}
	h = binary.LittleEndian.AppendUint32(h, stream)
	var long []byte
	if short == 0xffffff {
		long = binary.BigEndian.AppendUint32(nil, at)
	}
	for first := true; first || len(body) > 0; first = false {
		if !first {
			h = []byte{0xc0 | chunkStream}
		}
		n := min(len(body), p.chunk)
		for _, part := range [][]byte{h, long, body[:n]} {
			if _, err := p.w.Write(part); err != nil {
				return err
			}
		}
		body = body[n:]
	}
	return nil
}

// Config sends the parameters of H.264 (SPS, PPS) and of AAC (its
// AudioSpecificConfig); nil = the track does not exist.
func (p *RTMPPush) Config(sps, pps, asc []byte) error {
	if sps != nil {
		b := []byte{0x17, 0, 0, 0, 0, 1, sps[1], sps[2], sps[3], 0xff, 0xe1}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(sps))), sps...)
		b = append(binary.BigEndian.AppendUint16(append(b, 1), uint16(len(pps))), pps...)
		if err := p.message(6, rtmpVideo, 0, 1, b); err != nil {
			return err
		}
	}
	if asc != nil {
		if err := p.message(4, rtmpAudio, 0, 1, append([]byte{0xaf, 0}, asc...)); err != nil {
			return err
		}
	}
	return p.Flush()
}

// Video sends an access unit: its DTS and its composition time in ms.
func (p *RTMPPush) Video(at uint32, composition int32, key bool, nalus ...[]byte) error {
	kind := byte(0x27)
	if key {
		kind = 0x17
	}
	b := []byte{kind, 1, byte(composition >> 16), byte(composition >> 8), byte(composition)}
	for _, n := range nalus {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(n))), n...)
	}
	return p.message(6, rtmpVideo, at, 1, b)
}

// Audio sends a frame of AAC, its time in ms.
func (p *RTMPPush) Audio(at uint32, frame []byte) error {
	return p.message(4, rtmpAudio, at, 1, append([]byte{0xaf, 1}, frame...))
}

// Metadata sends onMetaData with so many properties of 1000 bytes each.
func (p *RTMPPush) Metadata(properties int) error {
	b := append(amfString(amfString(nil, "@setDataFrame"), "onMetaData"), 8)
	b = binary.BigEndian.AppendUint32(b, uint32(properties))
	value := string(bytes.Repeat([]byte("x"), 1000))
	for i := range properties {
		b = amfString(append(b, amfName(fmt.Sprintf("property%d", i))...), value)
	}
	return p.message(5, rtmpData, 0, 1, append(b, 0, 0, 9))
}

// Flush sends what is buffered.
func (p *RTMPPush) Flush() error { return p.w.Flush() }

// Close ends the publication: the server reads what was sent, then closes the
// connection. (A close from here, with its answers unread, would make it lose that.)
func (p *RTMPPush) Close() {
	_ = p.w.Flush() // it may be gone
	if c, ok := p.conn.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
	select {
	case <-p.ended:
	case <-time.After(Patience):
	}
	p.conn.Close()
	<-p.ended
}

// amfName is the name of a property, amfString and amfNumber append values (AMF 0).
func amfName(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

func amfString(b []byte, s string) []byte { return append(append(b, 2), amfName(s)...) }

func amfNumber(b []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0), math.Float64bits(v))
}
