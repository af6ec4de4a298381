package mp4

import (
	"bytes"
	"math/rand"
	"testing"

	"github.com/live-recording/liverecord/hooks"
)

func video(t testing.TB) *stream { return loadH264(t, 2) }

// Picture and sound together, at a common origin, for several sizes of a batch.
func TestAudioVideo(t *testing.T) {
	v, a := video(t), loadAAC(t)
	for every, lates := range map[int][]int64{1: {31}, 40: {-48000, 0, 96123}, 100000: {31}} {
		for _, late := range lates { // of the sound, ticks
			t.Run(name(every, late), func(t *testing.T) {
				tracks, samples := interleave(v, shift(a, late))
				r := record(t, tracks, samples, every)
				file := r.save(t, 0)
				decodes(t, file)
				checkBoth(t, file, tracks, v, shift(a, late))
				if got, want := decoded(t, file, "v:0"), decoded(t, v.file, "v:0"); got != want {
					t.Error("decoded pictures differ")
				}
				if got, want := copied(t, file, "a:0"), copied(t, a.file, "a:0", "-bsf:a", "aac_adtstoasc"); got != want {
					t.Error("audio packets differ")
				}
				if o := order(t, r.bytes(t, 0)); o != "ftyp moov mdat" {
					t.Errorf("file is %s", o)
				}
			})
		}
	}
}

// checkBoth compares time stamps on the common time line: 720 kHz holds 48 and
// 90 kHz exactly.
func checkBoth(t testing.TB, file string, tracks []hooks.Track, v, a *stream) {
	t.Helper()
	v0, a0 := minPTS(v.samples)*8, a.samples[0].PTS*15
	zero := min(v0, a0)
	// What the other track starts later than zero need not be a whole number of
	// its ticks; ffprobe rounds it.
	checkTimes(t, file, "v:0", v.samples, 0, v.samples[0].DTS-(rounded(v0-zero, 8)-(minPTS(v.samples)-v.samples[0].DTS)))
	checkTimes(t, file, "a:0", a.samples, 0, a.samples[0].PTS-rounded(a0-zero, 15))
}

func rounded(n, d int64) int64 { return (n + d/2) / d }

func TestRoom(t *testing.T) {
	tracks, samples := interleave(video(t), loadAAC(t))
	r := record(t, tracks, samples, 40)
	exact := int64(len(r.head(t, 0).Front))
	want := decoded(t, r.save(t, 0), "v:0")
	for _, c := range []struct {
		room  int64
		order string
	}{
		{exact, "ftyp moov mdat"},
		{exact + 8, "ftyp moov free mdat"},
		{exact + 100000, "ftyp moov free mdat"},
		{exact - 1, "ftyp free mdat moov"},
		{exact + 1, "ftyp free mdat moov"},
		{exact + 7, "ftyp free mdat moov"},
		{64, "ftyp free mdat moov"},
	} {
		t.Run(name(c.room-exact), func(t *testing.T) {
			if o := order(t, r.bytes(t, c.room)); o != c.order {
				t.Fatalf("file is %s, want %s", o, c.order)
			}
			file := r.save(t, c.room)
			decodes(t, file)
			if got := decoded(t, file, "v:0"); got != want {
				t.Error("decoded pictures differ")
			}
		})
	}
	for room := int64(1); room < 64; room++ {
		h, err := Format.Head(tracks, r.records(), int64(len(r.body)), room)
		if err == nil && int64(len(h.Front)) != room {
			t.Errorf("room %d: front is %d bytes", room, len(h.Front))
		}
	}
}

// A journal cut anywhere gives a whole file of what it describes.
func TestTorn(t *testing.T) {
	tracks, samples := interleave(video(t), loadAAC(t))
	r := record(t, tracks, samples, 7)
	rnd := rand.New(rand.NewSource(3))
	for i := range 12 {
		n := 1 + rnd.Intn(len(r.recs))
		if i == 0 {
			n = 1
		}
		p := &recording{tracks: tracks, recs: r.recs[:n], body: r.body[:r.ends[n-1]]}
		decodes(t, p.save(t, int64(rnd.Intn(2)*rnd.Intn(20000)+64)*int64(i%2)))
	}
}

// Resume at any record gives the same file as no interruption.
func TestResume(t *testing.T) {
	tracks, samples := interleave(video(t), loadAAC(t))
	const every = 13
	want := record(t, tracks, samples, every)
	for _, n := range []int{0, 1, 5, len(want.recs)} {
		r := &recording{tracks: tracks, recs: want.recs[:n:n]}
		if n > 0 {
			r.body = want.body[:want.ends[n-1]:want.ends[n-1]]
		}
		m, err := Format.Resume(tracks, r.records())
		if err != nil {
			t.Fatal(err)
		}
		r.write(t, m, samples[min(n*every, len(samples)):], every)
		if !bytes.Equal(r.bytes(t, 0), want.bytes(t, 0)) {
			t.Errorf("resumed after %d records: the file differs", n)
		}
	}
}

// A publication that comes back: the second part goes on at Info.Ends.
func TestSplice(t *testing.T) {
	v, a := video(t), loadAAC(t)
	tracks, samples := interleave(v, a)
	r := record(t, tracks, samples, 40)
	info, err := Format.Inspect(tracks, r.records())
	if err != nil {
		t.Fatal(err)
	}
	if want := v.samples[len(v.samples)-1].DTS + 3600; info.Ends[0] != want || info.Samples != int64(len(samples)) {
		t.Fatalf("%+v, want %d samples, end of video %d", info, len(samples), want)
	}
	m, err := Format.Resume(tracks, r.records())
	if err != nil {
		t.Fatal(err)
	}
	by := max(info.Ends[0]-v.samples[0].DTS, (info.Ends[1]-a.samples[0].DTS)*90/48)
	by = (by + 90) / 90 * 90
	_, again := interleave(shift(v, by), shift(a, by*48/90))
	r.write(t, m, again, 40)
	file := r.save(t, 0)
	decodes(t, file)
	if got := len(probePackets(t, file, "v:0")); got != 2*len(v.samples) {
		t.Errorf("%d pictures, want %d", got, 2*len(v.samples))
	}
}

// More than one track of a kind.
func TestManyTracks(t *testing.T) {
	tracks, samples := interleave(video(t), loadAAC(t), loadH264(t, 0), loadAAC(t))
	file := record(t, tracks, samples, 40).save(t, 0)
	decodes(t, file)
	for _, spec := range []string{"v:0", "v:1", "a:0", "a:1"} {
		if len(probePackets(t, file, spec)) == 0 {
			t.Errorf("stream %s is empty", spec)
		}
	}
}

func TestNewErrors(t *testing.T) {
	good := video(t).track
	for n, tracks := range map[string][]hooks.Track{
		"none":        nil,
		"no sps":      {{Codec: hooks.H264, ClockRate: 90000, PPS: good.PPS}},
		"no clock":    {{Codec: hooks.H264, SPS: good.SPS, PPS: good.PPS}},
		"h265":        {{Codec: hooks.H265, ClockRate: 90000}},
		"av1":         {{Codec: hooks.AV1, ClockRate: 90000}},
		"aac":         {{Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2}},
		"opus":        {{Codec: hooks.Opus, ClockRate: 48000, Channels: 9}},
		"mp3":         {{Codec: hooks.MP3, ClockRate: 48000}},
		"lpcm":        {{Codec: hooks.LPCM, ClockRate: 48000, SampleRate: 48000, Channels: 2, BitDepth: 20}},
		"unsupported": {{Codec: "unsupported:x", ClockRate: 1}},
	} {
		if _, err := Format.New(tracks); err == nil {
			t.Errorf("%s was taken", n)
		}
	}
	// what cannot be read costs metadata, not media
	for n, tracks := range map[string][]hooks.Track{
		"bad sps":     {{Codec: hooks.H264, ClockRate: 90000, SPS: []byte{0x67, 1, 2, 3}, PPS: good.PPS}},
		"vp9 no size": {{Codec: hooks.VP9, ClockRate: 90000}},
	} {
		if _, err := Format.New(tracks); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
	if Format.Accepts("unsupported:x") || !Format.Accepts(hooks.AV1) {
		t.Error("Accepts is wrong")
	}
}
