package mp4

import (
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

func TestOneKind(t *testing.T) {
	for n, s := range map[string]*stream{"video": video(t), "audio": loadAAC(t)} {
		for _, count := range []int{1, 2, 30} {
			t.Run(name(n, count), func(t *testing.T) {
				tracks, samples := interleave(cut(s, 0, count))
				r := record(t, tracks, samples, 1000)
				file := r.save(t, 0)
				decodes(t, file)
				checkTimes(t, file, "0", samples, 0, minPTS(samples))
				info, err := Format.Inspect(tracks, r.records())
				if err != nil || info.Samples != int64(count) || info.Duration <= 0 {
					t.Errorf("%+v %v", info, err)
				}
			})
		}
	}
}

// A track that never got a sample is left out.
func TestSilentTrack(t *testing.T) {
	tracks, samples := interleave(video(t), loadAAC(t))
	var only []mux.Sample
	for _, s := range samples {
		if s.Track == 0 {
			only = append(only, s)
		}
	}
	file := record(t, tracks, only, 10).save(t, 0)
	decodes(t, file)
	if out := tool(t, "ffprobe", "-show_entries", "stream=index", "-of", "csv=p=0", file); string(out) != "0\n" {
		t.Errorf("streams: %q", out)
	}
}

func TestNothing(t *testing.T) {
	tracks, _ := interleave(video(t))
	if _, err := Format.Head(tracks, prefix(nil), 0, 0); !errors.Is(err, ErrNoSamples) {
		t.Errorf("head of nothing: %v", err)
	}
}

// A journal that grows between the two passes is found out.
func TestJournalGrows(t *testing.T) {
	tracks, samples := interleave(video(t))
	r := record(t, tracks, samples, 10)
	passes := 0
	growing := func(yield func([]byte, error) bool) {
		passes++
		prefix(r.recs[:len(r.recs)-2+passes])(yield)
	}
	if _, err := Format.Head(tracks, growing, int64(len(r.body)), 0); err == nil {
		t.Error("no error")
	}
}

// The origin of time stamps does not matter, below zero and far away alike.
func TestOrigin(t *testing.T) {
	for _, origin := range []int64{-1000, -3, 1 << 28} { // seconds
		t.Run(name(origin), func(t *testing.T) {
			v, a := shift(video(t), origin*90000), shift(loadAAC(t), origin*48000)
			tracks, samples := interleave(v, a)
			file := record(t, tracks, samples, 40).save(t, 0)
			decodes(t, file)
			checkBoth(t, file, tracks, v, a)
		})
	}
}

// A gap stays a gap: nothing moves, nothing is lost.
func TestGap(t *testing.T) {
	v, a := video(t), loadAAC(t)
	for i := range v.samples {
		if i >= 50 {
			v.samples[i].PTS += 20 * 90000
			v.samples[i].DTS += 20 * 90000
		}
	}
	for i := range a.samples {
		if a.samples[i].PTS >= a.samples[0].PTS+2*48000 {
			a.samples[i].PTS += 20 * 48000
			a.samples[i].DTS += 20 * 48000
		}
	}
	tracks, samples := interleave(v, a)
	file := record(t, tracks, samples, 40).save(t, 0)
	decodes(t, file)
	checkBoth(t, file, tracks, v, a)
}

// Time stamps that stand still or jump back grow by one tick; every PTS is kept.
func TestBackwards(t *testing.T) {
	s := loadH264(t, 0)
	for i := range s.samples {
		if i >= 30 && i < 34 {
			s.samples[i].DTS = s.samples[29].DTS - int64(i)
		}
	}
	tracks, samples := interleave(&stream{track: s.track, samples: nil})
	samples = append(samples, s.samples...)
	file := record(t, tracks, samples, 40).save(t, 0)
	decodes(t, file)
	got := probePackets(t, file, "v:0")
	for i, x := range s.samples {
		if got[i].PTS != x.PTS-s.samples[0].PTS {
			t.Errorf("picture %d: PTS %d, want %d", i, got[i].PTS, x.PTS-s.samples[0].PTS)
		}
		if i > 0 && got[i].DTS <= got[i-1].DTS {
			t.Errorf("picture %d: DTS %d after %d", i, got[i].DTS, got[i-1].DTS)
		}
	}
	if got[30].DTS != got[29].DTS+1 || got[33].DTS != got[29].DTS+4 {
		t.Errorf("%+v", got[29:34])
	}
}

// PTS below DTS from the first picture on: the edit can't be negative, so the
// offsets move, and picture and sound stay where they were.
func TestNegativeOffsets(t *testing.T) {
	v, a := loadH264(t, 2), loadAAC(t)
	for i := range v.samples {
		v.samples[i].DTS += 5 * 3600
	}
	tracks, samples := interleave(v, a)
	r := record(t, tracks, samples, 40)
	file := r.save(t, 0)
	decodes(t, file)
	first := minPTS(v.samples)
	zero := min(first*8, a.samples[0].PTS*15)
	got := probePackets(t, file, "v:0")
	for i, s := range v.samples {
		if want := s.PTS - first + rounded(first*8-zero, 8); got[i].PTS != want {
			t.Fatalf("picture %d: PTS %d, want %d", i, got[i].PTS, want)
		}
	}
	checkTimes(t, file, "a:0", samples, 1, a.samples[0].PTS-rounded(a.samples[0].PTS*15-zero, 15))

	// Only later pictures below: ctts becomes signed.
	v = loadH264(t, 0)
	v.samples[40].PTS -= 1000
	_, samples = interleave(v)
	r = record(t, tracks[:1], samples, 40)
	front := r.head(t, 0).Front
	ctts := find(t, front[:len(front)-mdatHeader], "moov/trak/mdia/minf/stbl/ctts")
	if len(ctts) != 1 || ctts[0][0] != 1 {
		t.Fatalf("ctts: %x", ctts)
	}
	checkTimes(t, r.save(t, 0), "v:0", samples, 0, minPTS(samples))
}

// Delimiters and known parameter sets go, others stay.
func TestRedundantUnits(t *testing.T) {
	tr := loadH264(t, 0).track
	m, err := Format.New([]hooks.Track{tr})
	if err != nil {
		t.Fatal(err)
	}
	other := append([]byte{0x68}, 1, 2, 3)
	sei := []byte{6, 5, 1, 0, 0x80}
	for _, payload := range [][][]byte{
		{{9, 0xF0}, tr.SPS, tr.PPS},
		{{}},
	} {
		if err := m.Write(&mux.Sample{Payload: payload}); !errors.Is(err, ErrEmpty) {
			t.Errorf("%x: %v", payload, err)
		}
	}
	if err := m.Write(&mux.Sample{Track: 1}); err == nil {
		t.Error("a track that is not there was taken")
	}
	if err := m.Write(&mux.Sample{Payload: [][]byte{{9, 0xF0}, tr.SPS, sei, other, {}, {0x65, 9}}}); err != nil {
		t.Fatal(err)
	}
	r := &recording{}
	r.flush(t, m)
	want := ""
	for _, n := range [][]byte{sei, other, {0x65, 9}} {
		want += string(binary.BigEndian.AppendUint32(nil, uint32(len(n)))) + string(n)
	}
	if string(r.body) != want {
		t.Errorf("body is %x", r.body)
	}
}

// The time of the first sample is the creation time, also after Resume.
func TestCreationTime(t *testing.T) {
	v := video(t)
	created := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	v.samples[0].NTP = created
	v.samples[9].NTP = created.Add(time.Hour)
	tracks, samples := interleave(v)
	file := record(t, tracks, samples, 5).save(t, 0)
	out := tool(t, "ffprobe", "-show_entries", "format_tags=creation_time,encoder", "-of", "csv=p=0", file)
	if string(out) != "2026-11-22T10:00:00.000000Z,Live Recording\n" {
		t.Errorf("tags: %q", out)
	}
}

// The codec configuration is the one that ffmpeg writes for the same stream.
func TestConfigurationBoxes(t *testing.T) {
	const visual, audio = 78, 28
	ac3 := func(channels string) *stream {
		tr := sound(hooks.AC3, 90000)
		tr.Channels = int(number(t, channels))
		return load(t, source(t, "ac3-"+channels+".ts", audioArgs("ac3", "-ac", channels)...), "a:0", tr, 1)
	}
	av1 := source(t, "av1.webm", videoArgs("libsvtav1", "-preset", "12", "-g", "25")...)
	vp9 := source(t, "vp9-10.webm", videoArgs("libvpx-vp9", "-pix_fmt", "yuv420p10le", "-deadline", "realtime", "-cpu-used", "8")...)
	for _, c := range []struct {
		s      *stream
		fields int
		kind   string
		bytes  int // that are compared; SVT-AV1 announces another sequence header than it sends
	}{
		{ac3("1"), audio, "dac3", 3},
		{ac3("2"), audio, "dac3", 3},
		{ac3("6"), audio, "dac3", 3},
		{loadH264(t, 2), visual, "avcC", 40},
		{load(t, av1, "v:0", hooks.Track{Codec: hooks.AV1, ClockRate: 90000}, 90), visual, "av1C", 4},
		{load(t, vp9, "v:0", hooks.Track{Codec: hooks.VP9, ClockRate: 90000, Width: 320, Height: 180, Profile: 2}, 90), visual, "vpcC", 5},
	} {
		reference := filepath.Join(t.TempDir(), "reference.mp4")
		tool(t, "ffmpeg", "-i", c.s.file, "-c", "copy", reference)
		tracks, samples := interleave(c.s)
		got := entryChild(t, record(t, tracks, samples, 3).save(t, 0), c.fields, c.kind)
		want := entryChild(t, reference, c.fields, c.kind)
		if got[:min(c.bytes, len(got))] != want[:min(c.bytes, len(want))] {
			t.Errorf("%s of %s:\n%x, ffmpeg has\n%x", c.kind, c.s.file, got, want)
		}
	}
}

// The track is as wide as its pixels say.
func TestAnamorphic(t *testing.T) {
	f := source(t, "h264i.ts", videoArgs("libx264", "-vf", "setsar=4/3", "-flags", "+ildct+ilme")...)
	tracks, samples := interleave(load(t, f, "v:0", hooks.Track{Codec: hooks.H264, ClockRate: 90000}, 1))
	front := record(t, tracks, samples, 40).head(t, 0).Front
	tkhd := find(t, front[:len(front)-mdatHeader], "moov/trak/tkhd")[0]
	size := tkhd[len(tkhd)-8:]
	if w, h := binary.BigEndian.Uint32(size), binary.BigEndian.Uint32(size[4:]); w != 320<<16*4/3 || h != 180<<16 {
		t.Errorf("tkhd has %d x %d in 65536ths of a pixel", w, h)
	}
}

// Huge and senseless time stamps neither panic nor lose samples.
func TestAbsurdTimes(t *testing.T) {
	s := cut(loadH264(t, 0), 0, 4)
	for i, x := range []int64{0, math.MaxInt64 / 2, math.MinInt64 / 2, math.MaxInt64} {
		s.samples[i].PTS, s.samples[i].DTS = x, -x
	}
	tracks, samples := interleave(s)
	r := record(t, tracks, samples, 2)
	b := r.bytes(t, 0)
	if got := order(t, b); got != "ftyp moov mdat" {
		t.Errorf("file is %s", got)
	}
	if _, err := Format.Inspect(tracks, r.records()); err != nil {
		t.Error(err)
	}
}
