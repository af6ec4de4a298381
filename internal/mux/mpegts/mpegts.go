// Package mpegts writes the MPEG transport stream pieces of an HLS playlist
// (ISO/IEC 13818-1, RFC 8216 §3.2).
//
// One Muxer writes all pieces of a playlist, so that continuity counters and
// clock run on from piece to piece. The caller cuts: Flush the old piece,
// StartPiece, Write the first sample of the new one.
//
// # What a piece looks like
//
//   - PAT and PMT stand first, once. PMT on PID 0x1000, tracks from PID 0x100.
//   - Each access unit of a video track is one PES packet that begins with an
//     access unit delimiter. Before each sync sample stand the track's parameter
//     sets; what the stream itself brought of them is left out if it is the same.
//     PES_packet_length is exact up to 65,535 bytes, else 0 (§2.4.3.7).
//   - Audio frames are grouped, up to 200 ms or 2,930 bytes a PES packet, as long
//     as each begins where the one before ends; else the group is closed early. So
//     the time stamps of a reader, which counts frames, never drift.
//   - The PCR runs on the first video track, else on the first track, 0.7 s behind
//     the DTS, at least every 100 ms: where frames are further apart, packets
//     without payload fill the gap.
//   - A time stamp jump of more than 10 s is not filled; the next PCR is marked
//     with the discontinuity indicator.
//
// Time stamps are 33 bits of 90 kHz and wrap around after 26.5 hours, as players
// expect. Each is rounded by itself, so rounding never adds up.
//
// AAC is stored as ADTS, which knows AAC Main, LC, SSR and LTP with up to eight
// channels and the thirteen standard sample rates; HE-AAC is signalled
// implicitly, by its AAC-LC core.
package mpegts

import (
	"fmt"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/hls/piece"
)

// Format is the MPEG-TS piece.
type Format struct{ piece.Plain }

// Accepts tells whether the format can hold the track's codec.
func (Format) Accepts(c hooks.Codec) bool {
	switch c {
	case hooks.H264, hooks.H265, hooks.AAC, hooks.MP3, hooks.Opus, hooks.AC3:
		return true
	}
	return false
}

// New returns a *Muxer.
func (Format) New(tracks []hooks.Track) (mux.Muxer, error) {
	m, err := New(tracks)
	if err != nil {
		return nil, err // not a nil *Muxer in an interface
	}
	return m, nil
}

// Resume returns a *Muxer that goes on after the piece which records describe,
// with a new piece: same origin of time, continuity counters run on.
func (Format) Resume(tracks []hooks.Track, records mux.Records) (mux.Muxer, error) {
	m, err := New(tracks)
	if err != nil {
		return nil, err
	}
	t, err := piece.Sum(len(tracks), records)
	if err != nil {
		return nil, err
	}
	m.spans.Resume(t)
	m.setCounters(t.State)
	return m, nil
}

// Fits implements mux.Format.
func (Format) Fits(t *hooks.Track) error {
	_, err := newStream(t, 0)
	return err
}

// newStream makes the stream of the i-th track.
func newStream(t *hooks.Track, i int) (*stream, error) {
	if t.ClockRate <= 0 {
		return nil, fmt.Errorf("track %d (%s): no clock rate", i, t.Codec)
	}
	st := &stream{codec: t.Codec, rate: int64(t.ClockRate), pid: uint16(firstPID + i)}
	switch t.Codec {
	case hooks.H264:
		st.kind, st.id, st.params = 0x1b, idVideo, [][]byte{t.SPS, t.PPS}
	case hooks.H265:
		st.kind, st.id, st.params = 0x24, idVideo, [][]byte{t.VPS, t.SPS, t.PPS}
		st.desc = registration("HEVC")
	case hooks.AAC:
		st.kind, st.id, st.audio = 0x0f, idAudio, true
		h, err := newADTS(t.AudioConfig)
		if err != nil {
			return nil, fmt.Errorf("track %d: %w", i, err)
		}
		st.adts = h
		st.step = 1024 * st.rate / int64(h.rate)
	case hooks.MP3:
		st.kind, st.id, st.audio = 0x03, idAudio, true
		samples := 1152
		if t.SampleRate > 0 && t.SampleRate < 32000 {
			st.kind, samples = 0x04, 576 // ISO/IEC 13818-3, low sampling frequencies
		}
		st.step = step(t, samples)
	case hooks.AC3:
		st.kind, st.id, st.audio = 0x81, idPrivate, true
		st.desc = registration("AC-3")
		st.step = step(t, 1536)
	case hooks.Opus:
		st.kind, st.id, st.audio = 0x06, idPrivate, true
		st.desc = append(registration("Opus"), 0x7f, 2, 0x80, byte(max(1, t.Channels)))
	default:
		return nil, fmt.Errorf("track %d: MPEG-TS cannot hold %s", i, t.Codec)
	}
	for _, p := range st.params {
		if len(p) == 0 {
			return nil, fmt.Errorf("track %d (%s): parameter sets are missing", i, t.Codec)
		}
	}
	return st, nil
}

// step is the duration of a frame in ticks of the track's clock.
func step(t *hooks.Track, samples int) int64 {
	if t.SampleRate <= 0 {
		return 0
	}
	return int64(samples) * int64(t.ClockRate) / int64(t.SampleRate)
}

// registration is the registration descriptor (§2.6.8).
func registration(id string) []byte {
	return append([]byte{0x05, byte(len(id))}, id...)
}
