package hls_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/adts"
	"github.com/live-recording/liverecord/internal/mux/flv"
	"github.com/live-recording/liverecord/internal/mux/fmp4"
	"github.com/live-recording/liverecord/internal/mux/mp4"
	"github.com/live-recording/liverecord/internal/mux/mpegts"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Parameters that a strict parser refuses: the media is recorded all the same, in
// every format that can hold the codec.
func TestOddParameters(t *testing.T) {
	vps, pps := unhex("40010c01ffff0408000003009fa800000300003cba0240"), unhex("4401c0718312")
	// quad: two front and two back channels, told by a program config element
	quad := unhex("118004c40400211000")
	formats := map[string]mux.Format{"mp4": mp4.Format, "flv": flv.Format, "fmp4": fmp4.Format{}, "ts": mpegts.Format{}, "aac": adts.Format}
	for name, tr := range map[string]hooks.Track{
		"long-term references": {Codec: hooks.H265, ClockRate: 90000, VPS: vps, PPS: pps,
			SPS: unhex("4201010408000003009fa800000300003ca00a080c1f3e5ba4a4c3402f016808000003000800000300c840")},
		"levels of sub-layers": {Codec: hooks.H265, ClockRate: 90000, VPS: vps, PPS: pps,
			SPS: unhex("42010301600000030090000003000003003c40003ca00a080c1f3e53a4a4c2f0168080000003008000000c84")},
		"SPS that ends early": {Codec: hooks.H265, ClockRate: 90000, VPS: vps, PPS: pps, Width: 640, Height: 360,
			SPS: unhex("42010301600000030090000003000003003c40")},
		"H.264 SPS that ends early": {Codec: hooks.H264, ClockRate: 90000, SPS: unhex("6764001f"), PPS: unhex("68cb83cb20")},
		"PCE in the configuration":  {Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, AudioConfig: quad},
		"PCE in the frames":         {Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, AudioConfig: quad[:2]},
	} {
		for kind, f := range formats {
			if !f.Accepts(tr.Codec) {
				continue
			}
			if err := f.Fits(&tr); err != nil {
				t.Errorf("%s in %s: %v", name, kind, err)
				continue
			}
			m, err := f.New([]hooks.Track{tr})
			if err != nil {
				t.Errorf("%s in %s: %v", name, kind, err)
				continue
			}
			media := bytes.Repeat([]byte{0x26}, 50)
			if err := m.Write(&mux.Sample{Sync: true, Dur: 1024, Payload: [][]byte{media}}); err != nil {
				t.Errorf("%s in %s: %v", name, kind, err)
			}
			if b := m.Flush(); !bytes.Contains(slices.Concat(b.Body...), media[:40]) {
				t.Errorf("%s in %s: the media is missing", name, kind)
			}
		}
	}
}
