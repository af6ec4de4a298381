package mp4

import (
	"io"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// benchSamples is ten seconds of 4 Mb/s: 25 pictures of two slices, 47 AAC
// frames a second.
func benchSamples() ([]hooks.Track, []mux.Sample, int64) {
	tracks := []hooks.Track{
		{Codec: hooks.VP8, ClockRate: 90000, Width: 1280, Height: 720},
		{Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2, AudioConfig: []byte{0x11, 0x90}},
	}
	var samples []mux.Sample
	var size int64
	slice, frame := make([]byte, 10000), make([]byte, 340)
	a := int64(0)
	for v := range int64(250) {
		samples = append(samples, mux.Sample{DTS: v * 3600, PTS: v * 3600, Sync: v%50 == 0, Payload: [][]byte{slice, slice}})
		for ; a*1024 < (v+1)*1920; a++ {
			samples = append(samples, mux.Sample{Track: 1, DTS: a * 1024, PTS: a * 1024, Dur: 1024, Sync: true, Payload: [][]byte{frame}})
		}
	}
	for i := range samples {
		size += int64(samples[i].Size())
	}
	return tracks, samples, size
}

func perSample(b *testing.B, samples int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(samples), "ns/sample")
}

// BenchmarkWrite: Write, and Flush every 256 KiB, each batch thrown away.
func BenchmarkWrite(b *testing.B) {
	tracks, samples, size := benchSamples()
	m, err := Format.New(tracks)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for i := range samples {
			if err := m.Write(&samples[i]); err != nil {
				b.Fatal(err)
			}
			if m.Buffered() >= 256<<10 {
				m.Flush()
			}
		}
	}
	perSample(b, len(samples))
}

// BenchmarkWriteCopy is the same with the bytes copied, as into a file.
func BenchmarkWriteCopy(b *testing.B) {
	tracks, samples, size := benchSamples()
	m, err := Format.New(tracks)
	if err != nil {
		b.Fatal(err)
	}
	block := make([]byte, 0, 1<<20)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for i := range samples {
			if err := m.Write(&samples[i]); err != nil {
				b.Fatal(err)
			}
			if m.Buffered() >= 256<<10 {
				block = block[:0]
				for _, p := range m.Flush().Body {
					block = append(block, p...)
				}
			}
		}
	}
	perSample(b, len(samples))
}

// BenchmarkMediacommon is the same input in fMP4 parts of a second, as MediaMTX's
// own recorder writes them.
func BenchmarkMediacommon(b *testing.B) {
	_, samples, size := benchSamples()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for at := 0; at < len(samples); at += 72 {
			var buf seekablebuffer.Buffer
			p := fmp4.Part{Tracks: []*fmp4.PartTrack{{ID: 1}, {ID: 2}}}
			for _, s := range samples[at:min(at+72, len(samples))] {
				x := &fmp4.Sample{Duration: 3600, IsNonSyncSample: !s.Sync}
				for _, q := range s.Payload {
					x.Payload = append(x.Payload, q...)
				}
				p.Tracks[s.Track].Samples = append(p.Tracks[s.Track].Samples, x)
			}
			if err := p.Marshal(&buf); err != nil {
				b.Fatal(err)
			}
			if _, err := io.Discard.Write(buf.Bytes()); err != nil {
				b.Fatal(err)
			}
		}
	}
	perSample(b, len(samples))
}

// BenchmarkHead builds the head of 12 hours, 25 pictures and 47 AAC frames a second.
func BenchmarkHead(b *testing.B) {
	r := long(0, 12*3600, 20000)
	r.tracks, _, _ = benchSamples()
	journal := 0
	for _, rec := range r.recs {
		journal += len(rec)
	}
	records := func(yield func([]byte, error) bool) {
		for _, rec := range r.recs {
			if !yield(rec, nil) {
				return
			}
		}
	}
	var head mux.Head
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if head, err = Format.Head(r.tracks, records, int64(r.ends[len(r.ends)-1]), 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/head")
	b.ReportMetric(float64(len(head.Front))/1e6, "MB/head")
	b.ReportMetric(float64(journal)/1e6, "MB/journal")
}
