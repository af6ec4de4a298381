package output

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

const second = time.Second

// A file is cut at the first key frame at or after the interval.
func TestCutAtInterval(t *testing.T) {
	for _, name := range []config.FormatName{config.MP4, config.FLV} {
		b := newBench(t, config.Format{Name: name, Interval: 2500 * time.Millisecond, FastStart: true}, 0)
		b.online(h264(small))
		b.gops(8, nil)
		b.finish()
		rows := b.durations(string(name), 3*second, 3*second, 2*second)
		for i, r := range rows {
			if r.Seq != i || b.samples(r) != int64(r.Duration/frame) || r.Detail.VideoCodec != "h264" {
				t.Errorf("%d samples in %+v", b.samples(r), r)
			}
			if !strings.HasPrefix(r.Object, "cam/") || b.grew[r.ID] != r.Size {
				t.Errorf("%+v grew to %d", r, b.grew[r.ID])
			}
		}
		if len(b.reports) != 3 || b.count("started") != 3 {
			t.Error(b.reports)
		}
	}
}

// Without a key frame a recovery point will do, but only after softCut.
func TestSoftCut(t *testing.T) {
	b := newBench(t, config.Format{Name: config.MP4, Interval: 2 * second}, 0)
	b.online(h264(small))
	b.key()
	recovery := func() { b.picture([]byte{0x06, 0x06, 0x01, 0xc4, 0x80}, append([]byte{0x41}, make([]byte, 100)...)) }
	for range 15 {
		for range 24 {
			b.other()
		}
		recovery()
	}
	b.finish()
	b.durations("mp4", 12*second, 3*second+frame)
}

// After a gap samples are left out up to the next key frame; the file is the same.
func TestGapNeedsKeyFrame(t *testing.T) {
	b := newBench(t, config.Format{Name: config.MP4}, 0)
	b.online(h264(small))
	b.gops(1, nil)
	b.rec.Timeline.Gap()
	b.out.Gap()
	for range 10 {
		b.other()
	}
	b.gops(1, nil)
	b.finish()
	rows := b.durations("mp4", 2*second+10*frame)
	if n := b.samples(rows[0]); n != 50 {
		t.Errorf("%d samples, not 50", n)
	}
}

// The spool is full: what was written is finished, and reported once. When there is
// room again the recording resumes in a new file, at a key frame, after the pause.
func TestWriteErrorAndRetry(t *testing.T) {
	for _, f := range []config.Format{{Name: config.MP4}, {Name: config.FLV}} {
		b := newBench(t, f, 9000)
		b.online(h264(small))
		b.gops(4, nil)
		if b.count("failed") != 1 || b.out.Status().Problem == "" {
			t.Fatal(b.reports)
		}
		first := b.format(string(f.Name))
		if len(first) != 1 || first[0].State != state.FileEnded || first[0].Size > 9000 {
			t.Fatalf("%+v", first)
		}
		if err := b.dir.Remove(first[0].Spool); err != nil { // it was uploaded
			t.Fatal(err)
		}
		b.gops(3, nil) // the pause ends within the first or second
		b.finish()
		if rows := b.format(string(f.Name)); len(rows) != 2 || rows[1].Duration < second || b.samples(rows[1]) != int64(rows[1].Duration/frame) {
			t.Errorf("%+v", rows)
		}
		if b.count("failed") != 1 || b.count("resumed after the spool is full") != 1 || b.out.Status().Problem != "" {
			t.Error(b.reports)
		}
	}
}

// While the state can't be written nothing begins, and one try is made per pause.
func TestStateRefuses(t *testing.T) {
	for _, f := range []config.Format{{Name: config.MP4}, {Name: config.HLS, Container: "ts"}, {Name: config.HLS, Container: "fmp4"}} {
		b := newBench(t, f, 0)
		b.refuse = errState
		b.online(h264(small))
		b.gops(3, nil)
		if len(b.rows) != 0 || b.count("failed") != 1 || b.out.Held() != 0 {
			t.Fatalf("%v, %d rows", b.reports, len(b.rows))
		}
		b.refuse = nil
		b.gops(4, nil)
		b.finish()
		if b.count("resumed") != 1 || len(b.rows) == 0 {
			t.Error(b.reports)
		}
	}
}

// A missing store is asked again; so is one whose folder has gone.
func TestStoreIsMissing(t *testing.T) {
	for _, f := range []config.Format{{Name: config.AAC}, {Name: config.HLS}} {
		b := newBench(t, f, 0)
		place := b.rec.Place
		b.rec.Place = func(string) (Place, error) { return Place{}, errState }
		b.online(aac())
		b.gops(1, nil)
		if b.count("failed: no state") != 1 {
			t.Error(b.reports)
		}
		b.rec.Place = place
		b.gops(3, nil)
		b.finish()
		if b.count("resumed") != 1 || len(b.rows) == 0 {
			t.Error(b.reports)
		}
	}
}

func TestParameterChangeBeginsAFile(t *testing.T) {
	b := newBench(t, config.Format{Name: config.FLV}, 0)
	b.online(h264(small))
	b.gops(2, small)
	b.gops(1, large)
	b.finish()
	b.durations("flv", 2*second, second)
	if b.count("changed: 1 tracks, now h264") != 1 {
		t.Error(b.reports)
	}
}

// A stream that changes with every key frame gets one file a second, and what is
// left out is counted.
func TestChangesAreBounded(t *testing.T) {
	for _, name := range []config.FormatName{config.MP4, config.HLS} {
		b := newBench(t, config.Format{Name: name, Container: "ts"}, 0)
		b.online(h264(small))
		for i := range 100 {
			b.picture([][]byte{small, large}[i%2], pps, append([]byte{0x65}, make([]byte, 500)...))
			b.other()
		}
		b.finish()
		rows := b.sorted(func(r *state.FileRow) bool { return r.Format != "hls" })
		if len(rows) < 8 || len(rows) > 8+cutsAtOnce+2 || b.count("withheld") == 0 {
			t.Errorf("%s: %d files in 8 s, %d samples withheld", name, len(rows), b.count("withheld"))
		}
		var samples int64
		for _, r := range rows {
			samples += b.samples(r)
		}
		if samples+int64(b.count("withheld")) != 200 {
			t.Errorf("%s: %d samples recorded, %d withheld, of 200", name, samples, b.count("withheld"))
		}
	}
}

// Splice: the same parameters in the same file, whatever the order of the tracks;
// others in a new one.
func TestSplice(t *testing.T) {
	b := newBench(t, config.Format{Name: config.MP4, Splice: time.Minute}, 0)
	b.online(h264(small), aac())
	b.gops(1, nil)
	if until := b.offline(); !until.Equal(b.rec.Now.Add(time.Minute)) || !b.out.Pending().Equal(until) {
		t.Error(until)
	}
	if rows := b.format("mp4"); len(rows) != 1 || rows[0].State != state.FileWaiting {
		t.Fatalf("%+v", rows)
	}
	b.online(aac(), h264(small))
	if rows := b.format("mp4"); rows[0].State != state.FileOpen || !b.out.Pending().IsZero() {
		t.Errorf("%+v", rows)
	}
	b.gops(1, nil)
	b.offline()
	b.online(h264(large), aac())
	b.gops(1, nil)
	b.offline()
	b.online(h264(large)) // the sound is missing
	b.gops(1, nil)
	b.offline()
	b.finish()
	rows := b.format("mp4")
	if len(rows) != 3 || b.samples(rows[0]) != 100 || b.samples(rows[1]) != 50 || b.samples(rows[2]) != 25 {
		t.Errorf("%+v", rows)
	}
	for i, want := range []time.Duration{2 * second, second, second} {
		if d := rows[i].Duration - want; d < 0 || d > 2*frame {
			t.Errorf("file %d: %v, not %v", i, rows[i].Duration, want)
		}
	}
}

func TestWithoutSpliceAFileEnds(t *testing.T) {
	b := newBench(t, config.Format{Name: config.MP4}, 0)
	b.online(h264(small))
	if until := b.offline(); !until.IsZero() {
		t.Error(until)
	}
	b.online(h264(small))
	b.gops(1, nil)
	if until := b.offline(); !until.IsZero() || b.format("mp4")[0].State != state.FileEnded {
		t.Error(until)
	}
}

// What a format can't hold is left out and named; one that holds nothing fails.
func TestTrackLeftOut(t *testing.T) {
	b := newBench(t, config.Format{Name: config.AAC}, 0)
	b.online(h264(small), aac())
	b.gops(2, nil)
	b.finish()
	if rows := b.format("aac"); len(rows) != 1 || b.samples(rows[0]) != 50 || len(b.reports) != 1 {
		t.Errorf("%+v, %v", rows, b.reports)
	}
	b = newBench(t, config.Format{Name: config.FLV}, 0)
	b.online(h264(small), aac(), aac())
	b.gops(2, nil)
	b.finish()
	if rows := b.format("flv"); len(rows) != 1 || len(rows[0].Detail.LeftOut) != 1 || b.count("left out: aac") != 1 {
		t.Errorf("%+v, %v", rows, b.reports)
	}
	b = newBench(t, config.Format{Name: config.AAC}, 0)
	b.online(h264(small))
	b.gops(2, nil)
	b.finish()
	if len(b.rows) != 0 || b.count("failed: none of the stream's tracks fits into aac") != 1 {
		t.Error(b.reports)
	}
	b = newBench(t, config.Format{Name: config.HLS, Container: "ts"}, 0)
	b.online(h264(small), g711())
	b.gops(4, nil)
	b.finish()
	if b.count("left out: g711") != 1 || len(b.format("ts")) != 2 {
		t.Error(b.reports)
	}
	b = newBench(t, config.Format{Name: config.HLS, Container: "ts"}, 0)
	b.online(g711())
	b.gops(1, nil)
	if b.count("failed: none of the stream's tracks fits into hls (ts)") != 1 {
		t.Error(b.reports)
	}
}

// Pictures whose parameters are not known yet do not hold up the sound. Once they
// are, the track joins, in a new file.
func TestParametersComeLate(t *testing.T) {
	for _, name := range []config.FormatName{config.MP4, config.HLS} {
		b := newBench(t, config.Format{Name: name, Container: "fmp4"}, 0)
		b.online(h264(nil), aac())
		b.gops(2, nil)
		if len(b.rows) == 0 || b.count("left out") != 0 {
			t.Fatal(b.reports)
		}
		b.gops(2, small)
		b.finish()
		list := b.format("mp4")
		if name == config.HLS {
			list = b.format("m4s")
		}
		if len(list) != 2 || b.samples(list[0]) > 60 || b.samples(list[1]) < 90 || b.count("changed") != 1 {
			t.Errorf("%s: %d files, %v", name, len(list), b.reports)
		}
	}
}

// brittle is a format that fails at what it said it takes.
type brittle struct{ mux.Format }

func (f brittle) New(tracks []hooks.Track) (mux.Muxer, error) {
	for _, tr := range tracks {
		if tr.Codec.IsVideo() {
			return nil, errState
		}
	}
	return f.Format.New(tracks)
}

// A track that a format can't write after all does not take the others with it.
func TestUnreadableTrack(t *testing.T) {
	b := newBench(t, config.Format{Name: config.MP4}, 0)
	b.rec.Formats[config.MP4] = brittle{b.rec.Formats[config.MP4]}
	b.out = New(b.rec, b.f)
	b.online(h264(small), aac())
	b.gops(2, nil)
	b.finish()
	if rows := b.format("mp4"); len(rows) != 1 || b.samples(rows[0]) != 50 || b.count("unreadable: h264") != 1 {
		t.Errorf("%+v, %v", rows, b.reports)
	}
}

// A key that holds its end is known only then. Two files never share one.
func TestKeys(t *testing.T) {
	b := newBench(t, config.Format{Name: config.MP4, Interval: second, Path: "{EndYear}/{EndSecond}"}, 0)
	b.online(h264(small))
	b.gops(1, nil)
	if rows := b.format("mp4"); !plan.IsUnnamed(rows[0].Object) || len(b.grew) != 0 {
		t.Errorf("%+v", rows[0])
	}
	b.gops(1, nil)
	b.finish()
	for _, r := range b.durations("mp4", second, second) {
		if !strings.HasSuffix(r.Object, ".mp4") {
			t.Error(r.Object)
		}
	}
	b = newBench(t, config.Format{Name: config.FLV, Interval: second, Path: "same"}, 0)
	b.online(h264(small))
	b.gops(3, nil)
	b.finish()
	if rows := b.format("flv"); rows[0].Object != "same.flv" || rows[1].Object != "same-2.flv" || rows[2].Object != "same-3.flv" {
		t.Errorf("%+v", rows)
	}
}

// A panic elsewhere: what is in the spool is finished, what is not is given up.
func TestAbandon(t *testing.T) {
	for _, f := range []config.Format{{Name: config.MP4}, {Name: config.HLS, Container: "ts"}} {
		b := newBench(t, f, 0)
		b.online(h264(small))
		b.gops(1, nil)
		b.key()
		if b.out.Held() == 0 || b.out.Status().Object == "" || b.out.Status().Media == 0 {
			t.Errorf("%d bytes held, %+v", b.out.Held(), b.out.Status())
		}
		b.out.Abandon()
		for _, r := range b.rows {
			if r.State != state.FileEnded {
				t.Errorf("%+v", r)
			}
		}
	}
}

// A file in which nothing was written leaves nothing behind.
func TestEmptyFileIsDropped(t *testing.T) {
	for _, f := range []config.Format{{Name: config.MP4}, {Name: config.HLS, Container: "ts"}} {
		b := newBench(t, f, 0)
		b.online(h264(small))
		b.key()
		b.out.Abandon()
		names, err := b.dir.Names()
		if err != nil || len(names) != 0 || len(b.rows) != 0 {
			t.Errorf("%v, %d rows, %v", names, len(b.rows), err)
		}
	}
}

// The process dies in the middle: the file is repaired, and resumes if its
// window is open.
func TestReopenFile(t *testing.T) {
	for _, name := range []config.FormatName{config.MP4, config.FLV} {
		for _, waits := range []bool{true, false} {
			b := newBench(t, config.Format{Name: name, Splice: time.Minute}, 0)
			b.online(h264(small), aac())
			b.gops(2, nil)
			row := b.format(string(name))[0]
			b.crash()
			body, err := os.OpenFile(b.dir.BodyPath(row.Spool), os.O_WRONLY|os.O_APPEND, 0)
			if err == nil {
				_, err = body.WriteString("torn")
			}
			if err != nil || body.Close() != nil {
				t.Fatal(err)
			}
			var until time.Time
			if waits {
				until = b.begun.Add(time.Hour)
			}
			b.reopen(until)
			if !b.out.Pending().Equal(until) || b.rec.End < 1500*time.Millisecond || b.rec.End > 2*second+2*frame {
				t.Errorf("until %v, recorded up to %v", b.out.Pending(), b.rec.End)
			}
			b.online(h264(small), aac())
			b.gops(1, nil)
			b.finish()
			rows := b.format(string(name))
			if waits && (len(rows) != 1 || rows[0].Duration < 2500*time.Millisecond) || !waits && len(rows) != 2 {
				t.Errorf("%s: %+v", name, rows)
			}
			if last := rows[len(rows)-1]; last.Seq != len(rows)-1 || b.samples(last) < 50 {
				t.Errorf("%+v", last)
			}
		}
	}
}

// What can't be resumed is finished, set aside, dropped or left, each for its reason.
func TestReopenBadFiles(t *testing.T) {
	f := config.Format{Name: config.MP4, Splice: time.Minute}
	b := newBench(t, f, 0)
	b.online(h264(small))
	b.gops(1, nil)
	row := b.format("mp4")[0]
	b.crash()
	gone := *row
	gone.ID, gone.Object, gone.Spool = 77, "gone.mp4", "grow-77-mp4"
	b.rows[77] = gone
	if err := os.WriteFile(b.path+"/"+row.Spool+".idx", []byte(strings.Repeat("not a journal ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.reopen(b.begun.Add(time.Hour))
	if len(b.aside) != 1 || len(b.rows) != 1 || !b.out.Pending().IsZero() {
		t.Errorf("set aside: %v; rows: %v", b.aside, b.rows)
	}
}

// Flipped bits in the body cost what they hit.
func TestReopenDamagedFile(t *testing.T) {
	b := newBench(t, config.Format{Name: config.MP4}, 0)
	b.online(h264(small))
	b.gops(3, nil)
	row := b.format("mp4")[0]
	b.crash()
	path := b.dir.BodyPath(row.Spool)
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/2] ^= 0xff
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	b.reopen(time.Time{})
	if rows := b.format("mp4"); len(rows) != 1 || rows[0].State != state.FileEnded || b.count("damaged") != 1 {
		t.Errorf("%+v, %v", rows, b.reports)
	}
}
