package upload

import (
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

// hands is a clock that a test sets.
type hands struct {
	wall time.Time
	up   time.Duration
}

func (h *hands) read() (time.Time, time.Duration) { return h.wall, h.up }
func (h *hands) pass(d time.Duration)             { h.wall, h.up = h.wall.Add(d), h.up+d }

var today = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// lives is a Mover with a clock of a test's, that does nothing by itself.
type lives struct {
	*bench
	hands
}

func newLives(t *testing.T, wall, high time.Time) *lives {
	l := &lives{bench: newBench(t, benchOptions{}), hands: hands{wall: wall}}
	l.halt()
	if !high.IsZero() {
		must(t, l.db.UpdateNow(t.Context(), func(tx *state.Tx) error { return tx.SetClockHigh(high) }))
	}
	l.start()
	return l
}

// start is a start of the server.
func (l *lives) start() {
	l.m = New(l.m.o)
	l.m.clock.read = l.read
	l.look()
}

// look is what each scan does first.
func (l *lives) look() {
	l.t.Helper()
	must(l.t, l.m.keepTime(l.t.Context()))
	l.m.expire(l.t.Context(), l.m.clock.now())
}

// store stores a file that lives so long.
func (l *lives) store(name string, keep time.Duration) *grower {
	l.t.Helper()
	g := l.fileIn(l.local, name)
	g.row.Detail.Keep = int64(keep)
	g.grow(1000).end()
	must(l.t, l.m.finishLocal(l.t.Context(), l.local, g.now()))
	return g
}

func (l *lives) want(g *grower, want state.FileState, when string) {
	l.t.Helper()
	if got := g.now().State; got != want {
		l.t.Errorf("%s: %s is %s, not %s", when, g.row.Object, got, want)
	}
}

const day = 24 * time.Hour

// A board without a battery stores before NTP answers; its clock jumps beyond
// `keep`. The files live as long as they were to.
func TestClockJumpsBeyondKeep(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]time.Time{
		"1970":                      time.Unix(100, 0),
		"when it was switched off":  today.Add(-30 * day),
		"behind the run before":     today.Add(-90 * day),
		"a file system's last date": time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLives(t, begin, today.Add(-30*day))
			g := l.store("early.mp4", day)
			l.pass(time.Minute)
			l.look()
			l.wall = today // NTP
			l.pass(time.Second)
			l.look()
			l.want(g, state.FileStored, "after the jump")
			l.pass(day - time.Hour)
			l.look()
			l.want(g, state.FileStored, "an hour before its end")
			l.pass(2 * time.Hour)
			l.look()
			l.want(g, state.FileExpired, "after its end")
		})
	}
}

// The board is switched off before NTP answered. The next run has the right time.
func TestDoubtSurvivesARestart(t *testing.T) {
	t.Parallel()
	l := newLives(t, time.Unix(100, 0), today.Add(-day))
	g := l.store("early.mp4", day)
	l.wall = today
	l.start()
	l.want(g, state.FileStored, "after the restart")
	l.pass(day - time.Minute)
	l.look()
	l.want(g, state.FileStored, "a minute before its end")
	l.pass(time.Hour)
	l.look()
	l.want(g, state.FileExpired, "after its end")
}

// Nothing is deleted in the half hour after a jump, nor after a start that comes
// late; then what was to go goes.
func TestQuietAfterAJump(t *testing.T) {
	t.Parallel()
	l := newLives(t, today, today)
	for _, how := range []string{"restart", "jump"} {
		g := l.store("old-"+how+".mp4", 2*time.Hour)
		l.pass(time.Hour)
		l.look()
		l.wall = l.wall.Add(3 * time.Hour)
		if how == "restart" {
			l.start()
		} else {
			l.look()
		}
		l.want(g, state.FileStored, how)
		l.pass(quietTime - time.Minute)
		l.look()
		l.want(g, state.FileStored, how+", within the half hour")
		l.pass(2 * time.Hour)
		l.look()
		l.want(g, state.FileExpired, how+", later")
	}
}

// The clock was ten years ahead and comes back: what was stored meanwhile lives as
// long as it was to, and no longer.
func TestClockComesBack(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		l := newLives(t, today.AddDate(10, 0, 0), today)
		l.pass(quietTime)
		l.look()
		g := l.store("future.mp4", day)
		l.wall = today
		if restart {
			l.start()
			l.pass(doubtTime) // nobody corrects it: then it is right
		} else {
			l.look()
		}
		l.pass(day - time.Hour)
		l.look()
		if !restart {
			l.want(g, state.FileStored, "an hour before its end")
		}
		l.pass(2 * time.Hour)
		l.look()
		l.want(g, state.FileExpired, "after its end")
		late := l.store("late.mp4", day)
		if f := late.now(); f.Expires.IsZero() {
			t.Error("the clock is still in doubt")
		}
	}
}

// What waits for a time that is further away than any pause waited on a clock that
// was ahead.
func TestDueTooFarIsDue(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	b.halt()
	far, near := b.file("far.mp4").grow(1000).end(), b.file("near.mp4").grow(1000).end()
	must(t, b.db.UpdateNow(t.Context(), func(tx *state.Tx) error {
		for g, due := range map[*grower]time.Duration{far: 5 * time.Hour, near: 10 * time.Minute} {
			if _, err := tx.Exec(`UPDATE files SET due=?, attempts=3 WHERE id=?`, time.Now().Add(due).UnixNano(), g.row.ID); err != nil {
				return err
			}
		}
		return nil
	}))
	b.run()
	b.untilStored(far)
	if near.now().State != state.FileEnded {
		t.Error("a pause was cut short")
	}
}
