package torture

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/state"
)

// book is what the state says after all is over.
type book struct {
	files      []*state.FileRow // of recordings, not their pieces; in the order of their starts
	recordings map[int64]*state.RecordingRow
	events     map[string]int // event_type by id
	waiting    int            // deliveries not made
	lossy      bool           // files may be lost, if that is reported
	lost       []*state.FileRow
}

// openBook reads the state of a server that does not run.
func openBook(t *testing.T, s *lab.Server) *book {
	t.Helper()
	db, err := state.OpenReadOnly(filepath.Join(s.Dir, "data", "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	b := &book{recordings: map[int64]*state.RecordingRow{}, events: map[string]int{}}
	if b.files, err = state.Files(ctx, db.Reader(), "WHERE parent=0 ORDER BY started, id"); err != nil {
		t.Fatal(err)
	}
	recs, err := state.Recordings(ctx, db.Reader(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recs {
		b.recordings[r.ID] = r
	}
	events, err := state.Events(ctx, db.Reader(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		b.events[e.ID] = e.Type
	}
	b.waiting = undelivered(t, db)
	return b
}

func undelivered(t *testing.T, db *state.DB) (n int) {
	t.Helper()
	row := db.Reader().QueryRowContext(context.Background(), `SELECT COUNT(*) FROM deliveries WHERE state<>'delivered'`)
	if err := row.Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// settled tells whether nothing is recorded, on its way to a store or to an endpoint.
func settled(t *testing.T, s *lab.Server) bool {
	t.Helper()
	db, err := state.OpenReadOnly(filepath.Join(s.Dir, "data", "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var open, running int
	row := db.Reader().QueryRowContext(context.Background(), `SELECT
		(SELECT COUNT(*) FROM files WHERE state IN ('open','waiting','ended','parked')),
		(SELECT COUNT(*) FROM recordings WHERE state IN ('recording','interrupted','finalizing'))`)
	if err := row.Scan(&open, &running); err != nil {
		t.Fatal(err)
	}
	return open+running+undelivered(t, db) == 0
}

// waitSettled waits for that.
func waitSettled(t *testing.T, s *lab.Server, patience time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(patience); !settled(t, s); time.Sleep(500 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("after %s there are still recordings, files or events under way", patience)
			return
		}
	}
}

// checkStores compares rows, objects and events: each file once, nothing else.
func (b *book) checkStores(t *testing.T, s *lab.Server, c *cosserver.Server, r *receiver) {
	t.Helper()
	objects := c.Objects()
	inStore := map[string]bool{}
	for key := range objects {
		if !isPiece(key) {
			inStore["cos:"+key] = true
		}
	}
	for _, f := range s.Files(t) {
		if !isPiece(f) {
			inStore["local:"+f] = true
		}
	}
	known := map[string]bool{}
	for _, f := range b.files {
		if b.lossy && f.State == state.FileLost && f.Error != "" {
			b.lost = append(b.lost, f)
			continue
		}
		if f.State != state.FileStored {
			t.Errorf("%s is %s after %d attempts: %s", f.Object, f.State, f.Attempts, f.Error)
			continue
		}
		known[f.Store+":"+f.Object] = true
		if o, ok := objects[f.Object]; f.Store == "cos" && ok && (o.Size != f.Size || f.HasCRC && o.CRC64 != f.CRC64) {
			t.Errorf("%s has %d bytes, CRC64 %d in the store, %d, %d in the state", f.Object, o.Size, o.CRC64, f.Size, f.CRC64)
		}
	}
	same(t, "files stored, by the state and by the stores", known, inStore)
	events := map[string]bool{}
	for id, kind := range b.events {
		if kind != 341 { // the endpoint takes no abnormal events here
			events[id] = true
		}
	}
	same(t, "events, by the state and by the endpoint", events, r.all())
	if n := len(r.of(100)); n != len(known) {
		t.Errorf("%d file events for %d files", n, len(known))
	}
	if len(r.two) > 0 {
		t.Errorf("events that came with two bodies: %v", r.two)
	}
	if open := c.OpenUploads(); len(open) > 0 {
		t.Errorf("%d open uploads are left, e.g. of %s", len(open), open[0].Key)
	}
	for _, dir := range []string{"data/spool", "data/recordings/.liverecord"} {
		left, _ := filepath.Glob(filepath.Join(s.Dir, dir, "*"))
		left = slices.DeleteFunc(left, func(name string) bool {
			return filepath.Base(name) == "server.lock" || b.lossy && setAside(name)
		})
		if len(left) > 0 {
			t.Errorf("%d files are left in %s, e.g. %s", len(left), dir, left[0])
		}
	}
	t.Logf("files stored: %d by the state, %d by the stores, %d file events received (%d events in all, %d POSTs taken, %d treated badly)",
		len(known), len(inStore), len(r.of(100)), len(r.all()), r.taken, r.broken)
}

// setAside tells whether a file of the spool was moved aside because it could
// not be understood.
func setAside(name string) bool { return strings.Contains(filepath.Base(name), ".bad") }

// isPiece tells pieces of HLS, and the copy of the playlist that grew, from files.
func isPiece(key string) bool {
	return strings.HasSuffix(key, ".ts") || strings.HasSuffix(key, ".m4s") || strings.Contains(key, "/init") ||
		strings.HasSuffix(key, ".m3u8") && !strings.HasSuffix(key, "_eof.m3u8")
}

func same(t *testing.T, what string, want, got map[string]bool) {
	t.Helper()
	for x := range want {
		if !got[x] {
			t.Errorf("%s: %s is only here", what, x)
		}
	}
	for x := range got {
		if !want[x] {
			t.Errorf("%s: %s is only there", what, x)
		}
	}
}

// tally counts pictures.
type tally struct {
	canary    *canary
	owed      func(ses *session, slack time.Duration) int // of a session's pictures; slack is how long a disk or a kill may take
	slack     time.Duration                               // 0 = a second
	discarded int                                         // pictures that MediaMTX may drop within publications: it said so

	stored, missing, dropped, excused int
	oldest                            time.Duration // age of the oldest missing picture when the server was killed
	ages                              time.Duration // sum over the kills
	kills                             int
}

func (y tally) String() string {
	mean := time.Duration(0)
	if y.kills > 0 {
		mean = y.ages / time.Duration(y.kills)
	}
	text := ""
	if y.excused > 0 {
		text += fmt.Sprintf("; %d times more than a second was missing, no more than the machine itself had stopped for", y.excused)
	}
	if y.dropped > 0 {
		text += fmt.Sprintf("; %d pictures missing within, which MediaMTX said it dropped for want of CPU", y.dropped)
	}
	return fmt.Sprintf("%d pictures stored; %d publications cut by a kill, missing at their ends %d pictures, the oldest %d ms before the kill, %d ms on average",
		y.stored, y.kills, y.missing, y.oldest.Milliseconds(), mean.Milliseconds()) + text
}

// checkPictures compares the marks found in the files of one stream, in order,
// with what was published: no gap, no double, only ends that were cut missing.
func (y *tally) checkPictures(t *testing.T, what string, sessions []*session, kills []time.Time, found []mark) {
	t.Helper()
	cur, next, bad := -1, 0, 0
	complain := func(format string, args ...any) {
		if bad++; bad <= 5 {
			t.Errorf(what+": "+format, args...)
		}
	}
	finish := func(upTo int) {
		for ; cur < upTo; cur, next = cur+1, 0 {
			if cur >= 0 {
				y.end(complain, sessions[cur], kills, next)
			}
		}
	}
	for i, m := range found {
		if m.session >= len(sessions) {
			complain("picture %d claims publication %d", i, m.session)
			continue
		}
		if m.session > cur {
			finish(m.session)
		}
		if m.session != cur || m.picture < next {
			complain("picture %d is %v, stored before (next would be %d/%d)", i, m, cur, next)
			continue
		}
		if lost := m.picture - next; lost > 0 && lost <= y.discarded-y.dropped {
			y.dropped += lost
		} else if lost > 0 {
			complain("pictures %d/%d to %d are missing", cur, next, m.picture-1)
		}
		next = m.picture + 1
		y.stored++
	}
	finish(len(sessions))
}

// end judges what is missing at the end of a publication.
func (y *tally) end(complain func(string, ...any), ses *session, kills []time.Time, have int) {
	killed := ses.killed(kills)
	if !killed.IsZero() && !ses.proper {
		y.kills++
	}
	owes, slack := y.owed, max(y.slack, time.Second)
	if owes == nil {
		owes = func(ses *session, slack time.Duration) int { return ses.owed(kills, slack) }
	}
	if owed := owes(ses, slack); have < owed && have >= owes(ses, slack+y.canary.worst(killed, slack+time.Second)) {
		y.excused++
	} else if have < owed {
		complain("publication %d: %d pictures stored, %d owed, %d sent", ses.id, have, owed, len(ses.sent))
	}
	if killed.IsZero() || have >= len(ses.sent) || ses.sent[have].After(killed) {
		return
	}
	age := killed.Sub(ses.sent[have])
	y.ages += age
	y.oldest = max(y.oldest, age)
	for _, at := range ses.sent[have:] {
		if at.Before(killed) {
			y.missing++
		}
	}
}

func cut(s string) (before, after string, ok bool) { return strings.Cut(s, " ") }

// silent checks that ffmpeg decodes a file without a word. Pictures keep their
// times: by default ffmpeg rounds them to the mean rate, and says so where two
// meet.
func silent(t *testing.T, place string) {
	t.Helper()
	if err := decode(place); err != nil {
		t.Error(err)
	}
}

func decode(place string) error {
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", place, "-map", "0", "-fps_mode", "passthrough",
		"-enc_time_base:v", "1:90000", "-f", "null", "-").CombinedOutput()
	if err != nil {
		return fmt.Errorf("ffmpeg %s: %w\n%.2000s", place, err, out)
	}
	if len(out) > 0 {
		return fmt.Errorf("ffmpeg %s: %.2000s", place, out)
	}
	return nil
}
