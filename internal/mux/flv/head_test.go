package flv

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

func avSource(t testing.TB) *source {
	t.Helper()
	return makeSource(t, "-t", "4", "-c:v", "libx264", "-bf", "2", "-g", "10", "-ac", "2", "-c:a", "aac")
}

// A crash leaves any prefix of the records: each must make a good file.
func TestTornBody(t *testing.T) {
	src := avSource(t)
	f := record(t, src, 11)
	if len(f.records) < 20 {
		t.Fatalf("%d records", len(f.records))
	}
	for n := range len(f.records) + 1 {
		data := f.finish(t, n, 0)
		_, tags := mustReadFLV(t, data)
		meta := readMeta(t, tags[0])
		if meta.number("filesize") != float64(len(data)) {
			t.Errorf("%d records: filesize %v of %d", n, meta.number("filesize"), len(data))
		}
		if last := tags[len(tags)-1]; n > 0 && !bytes.Equal(last.data, []byte{0x27, 2, 0, 0, 0}) {
			t.Errorf("%d records: ends with % x", n, last.data)
		}
		if n > 0 && n%4 == 1 {
			run(t, "ffmpeg", "-v", "error", "-i", save(t, data), "-f", "null", "-")
		}
	}
}

func TestRoom(t *testing.T) {
	src := avSource(t)
	f := record(t, src, 50)
	n := len(f.records)
	exact := int64(len(f.finish(t, n, 0)) - len(f.body) - 20)
	least := exact - 11*keySize // ten key frames and the header
	rooms := []int64{
		4096, 64 << 10, 1 << 20, maxTagData + 28 - 1, maxTagData + 28, maxTagData + 28 + 1,
		maxTagData + 28 + 100, 32 << 20,
	}
	for r := least; r < exact+60; r++ {
		rooms = append(rooms, r)
	}
	for _, room := range rooms {
		data := f.finish(t, n, room)
		_, tags := mustReadFLV(t, data)
		meta := readMeta(t, tags[0])
		if meta.number("filesize") != float64(len(data)) {
			t.Fatalf("room %d: filesize %v of %d", room, meta.number("filesize"), len(data))
		}
		checkIndex(t, meta, tags, min(11, int(room-least)/keySize))
		if room <= maxTagData && tags[1].kind == tagScript {
			t.Errorf("room %d: a second script tag", room)
		}
		if room >= 4096 {
			path := save(t, data)
			run(t, "ffmpeg", "-v", "error", "-i", path, "-f", "null", "-")
			if p := ffprobe(t, path); len(p.Streams) != 2 || len(p.Packets) != len(src.samples) {
				t.Errorf("room %d: %d streams, %d packets", room, len(p.Streams), len(p.Packets))
			}
		}
		if room == 4096 || room == exact || room == exact+8 || room == 1<<20 {
			flvmeta(t, save(t, data), "abnormally large")
		}
	}
	if _, err := Format.Head(src.tracks, journal(f.records), int64(len(f.body)), least-1); err == nil {
		t.Error("room below the least taken")
	}
}

// checkIndex checks that n key frames are listed and stand where they should.
func checkIndex(t *testing.T, meta pairs, tags []readTag, n int) {
	t.Helper()
	at := map[float64]readTag{}
	for _, tag := range tags {
		at[float64(tag.offset)] = tag
	}
	frames, _ := meta.get("keyframes").(pairs)
	times, positions := frames.numbers("times"), frames.numbers("filepositions")
	if len(times) != n || len(positions) != n {
		t.Fatalf("%d times, %d positions, want %d", len(times), len(positions), n)
	}
	for i, pos := range positions {
		tag, ok := at[pos]
		if !ok || tag.kind != tagVideo || tag.data[0]>>4&7 != frameKey || float64(tag.ms)/1000 != times[i] {
			t.Fatalf("entry %d: %v s at %v is no key frame", i, times[i], pos)
		}
	}
	order := []string{"keyframes", "spacer", "pad"}
	last := -1
	for _, p := range meta {
		if i := slices.Index(order, p.name); i >= 0 {
			if i < last {
				t.Fatalf("%s out of order", p.name)
			}
			last = i
		} else if last >= 0 {
			t.Fatalf("%s behind the index", p.name)
		}
	}
}

// A long file of key frames only: the index is thinned to what a script tag,
// or the room, can hold.
func TestThinning(t *testing.T) {
	src := makeSource(t, "-map", "0:v", "-frames:v", "1", "-c:v", "libx264", "-x264-params", "keyint=1")
	m, err := Format.New(src.tracks)
	if err != nil {
		t.Fatal(err)
	}
	f := &file{tracks: src.tracks}
	s := src.samples[0]
	s.Payload = [][]byte{{0x65, 0x88}}
	s.Dur = int64(src.tracks[0].ClockRate / 50)
	const n = maxKeys + 5000
	step := s.Dur
	for i := range int64(n) {
		s.DTS, s.PTS = i*step, i*step
		if err := m.Write(&s); err != nil {
			t.Fatal(err)
		}
		if i%50000 == 0 {
			f.add(t, m.Flush())
		}
	}
	f.add(t, m.Flush())
	for _, room := range []int64{0, 1 << 20, 20 << 20} {
		data := f.finish(t, len(f.records), room)
		_, tags := mustReadFLV(t, data)
		meta := readMeta(t, tags[0])
		frames, _ := meta.get("keyframes").(pairs)
		times := frames.numbers("times")
		checkIndex(t, meta, tags, len(times))
		widest := 0.0
		for i := 1; i < len(times); i++ {
			widest = max(widest, times[i]-times[i-1])
		}
		mean := times[len(times)-1] / float64(len(times)-1)
		if len(times) < 50000 || widest > 2.1*mean || times[len(times)-1] < 0.99*meta.number("duration") {
			t.Errorf("room %d: %d entries to %v s, gaps up to %v s", room, len(times), times[len(times)-1], widest)
		}
		if end := meta.number("duration"); !near(end, n*0.02, 0.001) {
			t.Errorf("duration %v", end)
		}
	}
}

func TestResume(t *testing.T) {
	src := avSource(t)
	whole := record(t, src, 13)
	for _, cut := range []int{0, 13, 26, 130, 13 * (len(src.samples) / 13)} {
		m, err := Format.New(src.tracks)
		if err != nil {
			t.Fatal(err)
		}
		f := &file{tracks: src.tracks}
		f.write(t, m, src.samples[:cut], 0, 13)
		if m, err = Format.Resume(src.tracks, journal(f.records)); err != nil {
			t.Fatal(err)
		}
		f.write(t, m, src.samples[cut:], cut, 13)
		if !bytes.Equal(f.body, whole.body) || !slices.EqualFunc(f.records, whole.records, bytes.Equal) {
			t.Errorf("cut at %d: file differs", cut)
		}
	}
	info, err := Format.Inspect(src.tracks, journal(whole.records))
	if err != nil {
		t.Fatal(err)
	}
	if info.Samples != int64(len(src.samples)) || !near(info.Duration.Seconds(), 4, 0.05) {
		t.Errorf("%+v", info)
	}
	last := map[int]int64{}
	for _, s := range src.samples {
		last[s.Track] = s.DTS + s.Dur
	}
	for i, end := range info.Ends {
		if end != last[i] {
			t.Errorf("track %d ends at %d, want %d", i, end, last[i])
		}
	}
}

// Beyond 2^24 ms (4.66 h) the time stamp needs its extended byte.
func TestExtendedTime(t *testing.T) {
	src := avSource(t)
	const gap = 5 * 3600
	for i := range src.samples {
		s := &src.samples[i]
		rate := int64(src.tracks[s.Track].ClockRate)
		s.DTS += 1_700_000_000 * rate // the origin does not matter
		s.PTS += 1_700_000_000 * rate
		if i >= len(src.samples)/2 {
			s.DTS += gap * rate
			s.PTS += gap * rate
		}
	}
	f := record(t, src, 40)
	data := f.finish(t, len(f.records), 0)
	out := save(t, data)
	run(t, "ffmpeg", "-v", "error", "-i", out, "-c", "copy", "-f", "null", "-")
	comparePackets(t, src, ffprobe(t, out))
	_, tags := mustReadFLV(t, data)
	if meta := readMeta(t, tags[0]); !near(meta.number("duration"), gap+4, 0.2) {
		t.Errorf("duration %v", meta.number("duration"))
	}
	flvmeta(t, out, "desynchronized|framerate") // because of the gap
}

// Sixteen hours of odd rates: every tag is within half a millisecond.
func TestNoDrift(t *testing.T) {
	tracks := []hooks.Track{
		{Codec: hooks.VP9, ClockRate: 90000, Width: 320, Height: 240},
		{Codec: hooks.MP3, ClockRate: 44100, SampleRate: 44100, Channels: 2},
	}
	for _, c := range []struct {
		track int
		step  int64
	}{{0, 3003}, {1, 1152}} {
		m, err := Format.New(tracks)
		if err != nil {
			t.Fatal(err)
		}
		f := &file{tracks: tracks}
		s := mux.Sample{Track: c.track, Sync: true, Payload: [][]byte{{0xFF, 0xFB}}}
		rate := float64(tracks[c.track].ClockRate)
		for s.DTS < 16*3600*int64(rate) {
			s.PTS = s.DTS
			if err := m.Write(&s); err != nil {
				t.Fatal(err)
			}
			s.DTS += c.step
		}
		f.add(t, m.Flush())
		_, tags := mustReadFLV(t, f.finish(t, 1, 0))
		i := 0.0
		for _, tag := range tags {
			if len(tag.data) < 3 || tag.data[len(tag.data)-1] != 0xFB {
				continue
			}
			if want := i * float64(c.step) * 1000 / rate; math.Abs(float64(tag.ms)-want) > 0.5001 {
				t.Fatalf("tag %v at %d ms, want %v", i, tag.ms, want)
			}
			i++
		}
		if i < 1e6 {
			t.Errorf("%v tags", i)
		}
	}
}

func TestEarlierThanZero(t *testing.T) {
	src := avSource(t)
	m, err := Format.New(src.tracks)
	if err != nil {
		t.Fatal(err)
	}
	f := &file{tracks: src.tracks}
	v := src.samples[slices.IndexFunc(src.samples, func(s mux.Sample) bool { return s.Track == 0 })]
	rate := int64(src.tracks[0].ClockRate)
	v.DTS, v.PTS = 10*rate, 10*rate
	f.write(t, m, []mux.Sample{v}, 0, 1)
	a := src.samples[slices.IndexFunc(src.samples, func(s mux.Sample) bool { return s.Track == 1 })]
	a.DTS = 9 * int64(src.tracks[1].ClockRate)
	v.DTS, v.PTS = 9*rate, 9*rate // not allowed; must not go back
	f.write(t, m, []mux.Sample{a, v}, 1, 2)
	data := f.finish(t, len(f.records), 0)
	_, tags := mustReadFLV(t, data)
	for _, tag := range tags {
		if tag.ms != 0 {
			t.Errorf("tag at %d ms", tag.ms)
		}
	}
}
