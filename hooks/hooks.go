// Package hooks is the seam between a media server and the recorder.
//
// The host (through its bridge, see patches/) describes each publication and
// delivers its units; the recorder implements Handler. The package holds types
// only: it knows neither MediaMTX nor the recorder, so that two releases of the
// host with different internals meet the same recorder.
package hooks

import "time"

// Codec names the coding of a track.
type Codec string

// The codecs that a bridge translates. Any other one arrives as Codec
// "unsupported:<name>", so that the recorder can say what it left out.
const (
	H264 Codec = "h264"
	H265 Codec = "h265"
	AV1  Codec = "av1"
	VP9  Codec = "vp9"
	VP8  Codec = "vp8"
	AAC  Codec = "aac"
	MP3  Codec = "mp3"
	Opus Codec = "opus"
	AC3  Codec = "ac3"
	LPCM Codec = "lpcm" // big-endian signed samples, as in RTP L16 / L24
	G711 Codec = "g711"
)

// IsVideo tells whether the codec codes pictures.
func (c Codec) IsVideo() bool {
	switch c {
	case H264, H265, AV1, VP9, VP8:
		return true
	}
	return false
}

// Track is one elementary stream of a publication.
// Byte slices are shared and must not be changed.
type Track struct {
	Codec     Codec
	ClockRate int // ticks per second of Unit.PTS

	// H.264 and H.265 parameter sets, without start code (ITU-T H.264 §7.3.2,
	// H.265 §7.3.2). They may be nil until the first key frame brings them.
	VPS, SPS, PPS []byte

	// AV1 sequence header OBU without temporal delimiter; nil until known.
	SequenceHeader []byte

	// VP9 profile; picture size of VP8 and VP9. 0 until known.
	Profile       int
	Width, Height int

	// AAC: the AudioSpecificConfig as bytes (ISO/IEC 14496-3 §1.6.2.1).
	AudioConfig []byte

	SampleRate int  // audio: Hz
	Channels   int  // audio
	Layer      int  // MP3, which stands for all MPEG audio: 1 to 3, 0 until known
	BitDepth   int  // LPCM: 8, 16 or 24
	MuLaw      bool // G.711: µ-law rather than A-law
}

// Unit is one access unit of a video track, or one or more consecutive frames
// of an audio track.
type Unit struct {
	Track int       // index into Publication.Tracks
	PTS   int64     // presentation time in ticks of the track's clock; the origin is common to all tracks
	NTP   time.Time // the host's estimate of the capture time

	// Payload, never empty, never changed after delivery:
	//  H.264, H.265: NAL units without start code; current parameter sets before each IDR
	//  AV1:  OBUs without temporal delimiter and without size field
	//  VP8, VP9: exactly one frame
	//  AAC, MP3, Opus, AC-3: consecutive frames (AAC raw, no ADTS)
	//  LPCM, G.711: one block of interleaved samples
	Payload [][]byte
}

// Size is the payload's length in bytes.
func (u *Unit) Size() int {
	n := 0
	for _, p := range u.Payload {
		n += len(p)
	}
	return n
}

// Publication is one continuous push to a path of the host.
type Publication struct {
	ID         string // unique in the life of the host
	Path       string // as the host names it; chosen by a stranger
	Query      string // raw, without '?'; may hold secrets
	Protocol   string // rtmp, rtmps, rtsp, rtsps, srt, webrtc, moq, static, …
	SourceID   string // the host's id of the connection or session
	RemoteAddr string // host:port, may be empty
	User       string // authenticated user, may be empty
	Host       string // as the publisher typed it, may carry a port, may be empty
	ServerName string // TLS server name, may be empty
	Started    time.Time
	Tracks     []Track

	// HostRecords tells that the host's own recorder is on for this path.
	HostRecords bool
}

// Sink receives the units of one publication.
type Sink interface {
	// WriteUnit takes one unit. It is called from one goroutine at a time, in
	// the order of delivery. It must neither block nor panic; it owns u.Payload
	// for reading as long as it likes.
	WriteUnit(u Unit)
}

// Feed is the handle by which a handler reads a live publication.
type Feed interface {
	// Attach starts the delivery of units to sink, from now on. At most one
	// sink is attached at a time. It may be called inside Handler.Online, in
	// which case no unit is missed, or at any later time until Offline.
	// After Detach returns, or when the host calls Handler.Offline, the sink
	// gets no more units.
	Attach(sink Sink)
	Detach()

	// Tracks returns the current parameters of all tracks, in the order of
	// Publication.Tracks.
	Tracks() []Track

	// Discarded counts the units that the host dropped because the sink was
	// too slow.
	Discarded() uint64
}

// Handler is what the recorder offers to the host.
type Handler interface {
	// Online tells that p begins. It is called before the publisher may send
	// its first unit and must return quickly; it must not call back into the
	// host but through feed. p is not changed after the call.
	Online(p *Publication, feed Feed)

	// Offline tells that p has ended, after its last unit was delivered.
	// reason is for people, and may be empty.
	Offline(p *Publication, reason string)
}
