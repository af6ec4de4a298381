package output

import (
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/state"
)

func hlsFormat(container string) config.Format {
	return config.Format{Name: config.HLS, Container: container, Splice: time.Minute, Live: true}
}

// segments checks which segments are discontinuities and which initialization
// sections they name.
func (b *bench) segments(format string, want string) []*state.FileRow {
	b.t.Helper()
	got, maps := "", map[string]bool{}
	rows := b.format(format)
	for i, r := range rows {
		mark := "s"
		if r.Detail.Discontinuity {
			mark = "D"
		}
		got += mark
		maps[r.Detail.Map] = true
		if r.Seq != i || r.State != state.FileEnded || r.Detail.Target != 0 || r.Detail.PDT == 0 || r.Detail.End == 0 || !r.Detail.Independent {
			b.t.Errorf("%+v", r)
		}
	}
	if got != want {
		b.t.Errorf("segments %s, want %s", got, want)
	}
	inits := b.format(state.FormatInit)
	if format == state.FormatM4S && len(inits) != len(maps) || format == state.FormatTS && len(inits) != 0 {
		b.t.Errorf("%d initialization sections, %v", len(inits), maps)
	}
	return rows
}

func TestSegments(t *testing.T) {
	for container, format := range map[string]string{"ts": state.FormatTS, "fmp4": state.FormatM4S} {
		b := newBench(t, hlsFormat(container), 0)
		b.online(h264(small), aac())
		b.gops(6, nil)
		if s := b.out.Status(); s.Segments != 3 || s.Bytes != 0 {
			t.Errorf("%+v", s)
		}
		b.finish()
		rows := b.segments(format, "sss")
		list := b.format("hls")
		if len(list) != 1 || list[0].State != state.FileEnded || list[0].Detail.Target < 2 || list[0].Detail.Container != container {
			t.Fatalf("%+v", list)
		}
		var sum time.Duration
		for _, r := range rows {
			sum += r.Duration
			if r.Parent != list[0].ID || !strings.HasPrefix(r.Object, strings.TrimSuffix(list[0].Object, "_eof.m3u8")+"/00000") {
				t.Errorf("%+v", r)
			}
		}
		if list[0].Duration != sum || sum < 6*second-frame || sum > 6*second+frame {
			t.Errorf("%v, together %v", list[0].Duration, sum)
		}
	}
}

// Another playlist begins by interval.
func TestPlaylistInterval(t *testing.T) {
	f := hlsFormat("ts")
	f.Interval = 4 * second
	b := newBench(t, f, 0)
	b.online(h264(small))
	b.gops(10, nil)
	b.finish()
	if lists := b.format("hls"); len(lists) != 3 || lists[0].Object == lists[1].Object {
		t.Errorf("%+v", lists)
	}
	if n := len(b.format("ts")); n != 5 {
		t.Errorf("%d segments", n)
	}
}

// Joins, changes and gaps are discontinuities; other parameters have an
// initialization section of their own.
func TestDiscontinuities(t *testing.T) {
	for container, format := range map[string]string{"ts": state.FormatTS, "fmp4": state.FormatM4S} {
		b := newBench(t, hlsFormat(container), 0)
		b.online(h264(small))
		b.gops(2, nil)
		b.gops(2, large) // another size
		b.rec.Timeline.Gap()
		b.out.Gap()
		b.other()
		b.gops(2, nil)
		if until := b.offline(); until.IsZero() || b.format("hls")[0].State != state.FileWaiting {
			t.Error("it does not wait")
		}
		b.online(h264(large))
		b.gops(2, nil)
		b.finish()
		rows := b.format(format)
		marks := ""
		for _, r := range rows {
			if r.Detail.Discontinuity {
				marks += "D"
			} else {
				marks += "s"
			}
		}
		if marks != "sDDD" {
			t.Errorf("%s: %s", container, marks)
		}
		inits := b.format(state.FormatInit)
		if format == state.FormatM4S && len(inits) != 3 { // a publication that returns gets one, too
			t.Errorf("%d initialization sections", len(inits))
		}
		if b.count("changed") != 1 || len(b.format("hls")) != 1 {
			t.Error(b.reports)
		}
		for _, r := range rows[1:] {
			if r.Detail.Origin != rows[0].Detail.Origin {
				t.Errorf("time stamps begin again: %d, %d", r.Detail.Origin, rows[0].Detail.Origin)
			}
		}
	}
}

// Another codec needs another playlist.
func TestOtherCodecOtherPlaylist(t *testing.T) {
	f := hlsFormat("auto")
	b := newBench(t, f, 0)
	b.online(h264(small), aac())
	b.gops(2, nil)
	b.offline()
	b.online(h264(small), opus())
	b.gops(2, nil)
	b.finish()
	lists := b.format("hls")
	if len(lists) != 2 || len(b.format("ts")) != 1 || len(b.format("m4s")) != 1 {
		t.Errorf("%+v", lists)
	}
}

// Package upload gives a playlist another key when what is not ours has the first.
func TestPlaylistIsMoved(t *testing.T) {
	b := newBench(t, hlsFormat("fmp4"), 0)
	b.online(h264(small))
	b.gops(1, nil)
	b.moved = "elsewhere_eof.m3u8"
	b.gops(4, nil)
	b.finish()
	rows := b.format("m4s")
	if len(rows) < 2 || strings.HasPrefix(rows[0].Object, "elsewhere/") || rows[1].Object != "elsewhere/000001.m4s" {
		t.Errorf("%+v", rows)
	}
}

// The spool is full: the segment ends with what it has, and the list goes on with a
// discontinuity when there is room.
func TestSegmentWriteError(t *testing.T) {
	b := newBench(t, hlsFormat("ts"), 40000)
	b.online(h264(small))
	b.gops(12, nil)
	if b.count("failed") != 1 {
		t.Fatal(b.reports)
	}
	for _, r := range b.format("ts") {
		if err := b.dir.Remove(r.Spool); err != nil {
			t.Error(err)
		}
	}
	had := len(b.format("ts"))
	b.gops(4, nil)
	b.finish()
	rows := b.format("ts")
	if b.count("resumed") != 1 || len(rows) <= had || !rows[had].Detail.Discontinuity || len(b.format("hls")) != 1 {
		t.Errorf("%v, %d segments, were %d", b.reports, len(rows), had)
	}
}

// The process dies within a segment, also within the first one.
func TestReopenPlaylist(t *testing.T) {
	for container, format := range map[string]string{"ts": state.FormatTS, "fmp4": state.FormatM4S} {
		for _, gops := range []int{1, 5} {
			for _, waits := range []bool{true, false} {
				b := newBench(t, hlsFormat(container), 0)
				b.online(h264(small), aac())
				b.gops(gops, nil)
				before := len(b.format(format))
				b.crash()
				var until time.Time
				if waits {
					until = b.begun.Add(time.Hour)
				}
				b.reopen(until)
				if !b.out.Pending().Equal(until) {
					t.Errorf("until %v", b.out.Pending())
				}
				rows := b.format(format)
				last := rows[len(rows)-1]
				if len(rows) != before || last.State != state.FileEnded || last.Duration == 0 || last.Detail.End == 0 ||
					last.Detail.Origin != rows[0].Detail.Origin || (last.Detail.Map == "") != (container == "ts") || last.Detail.Map != rows[0].Detail.Map {
					t.Errorf("%s, %d GOPs: %+v", container, gops, last)
				}
				if d := b.rec.End - time.Duration(last.Detail.End); d != 0 || b.format("hls")[0].Detail.Target == 0 {
					t.Errorf("%s: recorded up to %v, %v", container, b.rec.End, last.Detail)
				}
				if !waits {
					if list := b.format("hls")[0]; list.State != state.FileEnded || list.Duration == 0 {
						t.Errorf("%+v", list)
					}
					continue
				}
				b.online(h264(small), aac())
				b.gops(3, nil)
				b.finish()
				rows = b.format(format)
				if len(rows) <= before || !rows[before].Detail.Discontinuity || rows[before].Seq != before || len(b.format("hls")) != 1 {
					t.Errorf("%s: %+v", container, rows)
				}
			}
		}
	}
}

// A playlist that waited without an open segment, and one without any.
func TestReopenWaitingPlaylist(t *testing.T) {
	b := newBench(t, hlsFormat("ts"), 0)
	b.online(h264(small))
	b.gops(3, nil)
	b.offline()
	b.crash()
	var asked time.Time
	place, _ := b.rec.Place("s")
	out, err := Reopen(b.rec, b.f, place, b.format("hls"), func(last time.Time) time.Time { asked = last; return last.Add(time.Hour) })
	if err != nil || out.Pending().IsZero() || !asked.Equal(b.format("ts")[1].Ended) {
		t.Errorf("%v, last written %v, %v", out.Pending(), asked, err)
	}
	for id, r := range b.rows {
		if r.Format == "ts" {
			delete(b.rows, id)
		}
	}
	if _, err = Reopen(b.rec, b.f, place, b.format("hls"), func(last time.Time) time.Time { asked = last; return time.Time{} }); err != nil || len(b.rows) != 0 {
		t.Errorf("an empty playlist stays: %v, %v", b.rows, err)
	}
}
