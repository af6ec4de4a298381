package mp4

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/index"
)

// long makes the journal from one second to another without a body: 25 pictures
// of size bytes and 47 AAC frames a second, a record a second.
func long(from, to, size int64) *recording {
	r := &recording{}
	var enc index.Encoder
	frame, total := from*48000/1024+1, int64(0)
	for sec := from; sec < to; sec++ {
		for i := range int64(25) {
			n := sec*25 + i
			enc.Add(index.Entry{Key: i == 0, Size: size + n%3, DTS: n * 3600, CTO: 3600 * (n % 3)})
			total += size + n%3
		}
		for ; frame*1024 < (sec+1)*48000; frame++ {
			enc.Add(index.Entry{Track: 1, Key: true, Size: 300 + frame%50, DTS: frame * 1024, Dur: 1024})
			total += 300 + frame%50
		}
		r.recs = append(r.recs, bytes.Clone(enc.Record()))
		r.ends = append(r.ends, int(total))
	}
	return r
}

// Beyond 4 GiB and 13.25 h (2³² ticks of 90 kHz): a reader finds and decodes the
// last seconds.
func TestBeyond32Bits(t *testing.T) {
	const hours = 14
	v, a := loadH264(t, 2), loadAAC(t)
	v0, a0 := v.samples[0].DTS, a.samples[0].DTS
	at := func(sec int64) ([]hooks.Track, []mux.Sample) {
		return interleave(shift(v, sec*90000-v0), shift(a, sec*48000-a0+1024))
	}
	tracks, samples := at(0)
	begin := record(t, tracks, samples, 40)
	middle := long(4, hours*3600, 4000)
	fake := int64(middle.ends[len(middle.ends)-1])
	r := &recording{tracks: tracks, recs: append(begin.recs, middle.recs...)}
	m, err := Format.Resume(tracks, r.records())
	if err != nil {
		t.Fatal(err)
	}
	_, samples = at(hours * 3600)
	r.write(t, m, samples, 40)
	size := int64(len(begin.body)) + fake + int64(len(r.body))
	if size < 1<<32 {
		t.Fatal("the file is too small for this test")
	}
	h, err := Format.Head(tracks, r.records(), size, 0)
	if err != nil {
		t.Fatal(err)
	}
	checkOffsets(t, h.Front, r, size)

	file := filepath.Join(t.TempDir(), "large.mp4")
	writeSparse(t, file, append(bytes.Clone(h.Front), begin.body...), fake, r.body)
	out := string(tool(t, "ffprobe", "-show_entries", "stream=nb_frames:format=duration", "-of", "csv=p=0", file))
	info, err := Format.Inspect(tracks, r.records())
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprint((hours*3600-4)*25 + 2*len(v.samples)); !strings.Contains(out, want+"\n") {
		t.Errorf("ffprobe says %q, want %s pictures", out, want)
	}
	t.Logf("%d bytes, head %d bytes, %v", size, len(h.Front), info.Duration)
	tail := []string{"-map", "0:v", "-fps_mode", "passthrough", "-f", "streamhash", "-"}
	got := tool(t, "ffmpeg", append([]string{"-noaccurate_seek", "-ss", fmt.Sprint(hours*3600 + 0.5), "-i", file}, tail...)...)
	want := tool(t, "ffmpeg", append([]string{"-i", v.file}, tail...)...)
	if !bytes.Equal(got, want) {
		t.Errorf("the end decodes to %swant %s", got, want)
	}
}

// checkOffsets compares co64 with the journal, and the 64-bit fields.
func checkOffsets(t *testing.T, front []byte, r *recording, size int64) {
	t.Helper()
	n := len(front) - mdatHeader
	if got := int64(binary.BigEndian.Uint64(front[n+8:])); got != size+mdatHeader {
		t.Errorf("mdat has %d bytes, want %d", got, size+mdatHeader)
	}
	co64 := find(t, front[:n], "moov/trak/mdia/minf/stbl/co64")
	next, last := []int{8, 8}, -1
	lastRecord := -1
	for p, err := range index.Entries(r.records()) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Track != last || p.Record != lastRecord {
			b := co64[p.Track][next[p.Track]:]
			if got := int64(binary.BigEndian.Uint64(b)); got != p.Offset+int64(len(front)) {
				t.Fatalf("chunk of record %d is at %d, want %d", p.Record, got, p.Offset+int64(len(front)))
			}
			next[p.Track] += 8
		}
		last, lastRecord = p.Track, p.Record
	}
	if next[0] != len(co64[0]) || next[1] != len(co64[1]) {
		t.Errorf("co64 has %d and %d bytes, used %v", len(co64[0]), len(co64[1]), next)
	}
	mdhd := find(t, front[:n], "moov/trak/mdia/mdhd")[0]
	if d := binary.BigEndian.Uint64(mdhd[24:]); mdhd[0] != 1 || d < 1<<32 {
		t.Errorf("mdhd version %d, duration %d", mdhd[0], d)
	}
}

func writeSparse(t *testing.T, file string, front []byte, hole int64, tail []byte) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(front); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(tail, int64(len(front))+hole); err != nil {
		t.Fatal(err)
	}
}

// Whatever the journal holds, Head ends with a head or an error.
func FuzzHead(f *testing.F) {
	tracks := []hooks.Track{
		{Codec: hooks.VP9, ClockRate: 90000, Width: 64, Height: 64},
		{Codec: hooks.LPCM, ClockRate: 48000, SampleRate: 48000, Channels: 1, BitDepth: 16},
		{Codec: hooks.AC3, ClockRate: 44100, SampleRate: 44100, Channels: 2},
	}
	for _, rec := range long(0, 2, 10).recs {
		f.Add(rec, int64(0))
	}
	m, err := Format.New(tracks)
	if err != nil {
		f.Fatal(err)
	}
	for i := range tracks {
		_ = m.Write(&mux.Sample{Track: i, Sync: true, Payload: [][]byte{make([]byte, 20)}})
	}
	f.Add(bytes.Clone(m.Flush().Record), int64(2000))
	f.Fuzz(func(t *testing.T, rec []byte, room int64) {
		room &= 0xFFFF
		recs := prefix([][]byte{rec, rec})
		h, err := Format.Head(tracks, recs, 1<<60, room)
		if err == nil && room > 0 && int64(len(h.Front)) != room {
			t.Fatalf("front is %d bytes, want %d", len(h.Front), room)
		}
		if _, err2 := Format.Resume(tracks, recs); err == nil && err2 != nil {
			t.Fatal(err2)
		}
	})
}
