package upload

import (
	"context"
	"sync"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

// Deleting needs a clock that is right. A board without a battery begins in 1970,
// or where it was switched off, and jumps when NTP answers; what was stored before
// would be years old at once. So:
//
//   - A clock that is behind the newest time of an earlier run, or behind the
//     release of this program, is in doubt. What is stored meanwhile has no date of
//     deletion, only a length of life, which begins when the doubt ends: the clock
//     jumped to where it may be, or a day has passed without.
//   - When the clock jumps, what was stored in this run moves with it.
//   - In the half hour after a jump forward, or after a start that is more than an
//     hour later than the newest time of the run before, nothing is deleted.
//   - A date of deletion further away than the file's life is one of a clock that
//     was ahead: the life begins now.
const (
	jumpSize   = time.Hour        // what counts as a jump; less is the work of NTP
	quietTime  = 30 * time.Minute // after a jump forward
	doubtTime  = 24 * time.Hour   // of a clock that nobody corrects
	clockSave  = 10 * time.Minute // how often the newest time is noted
	skewHealed = 5 * time.Minute  // a change from which requests may be signed well again
	clockStep  = 200              // rows in one transaction
)

// released is a time before which this program did not exist.
var released = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clock compares the wall clock with the time that has passed.
type clock struct {
	// read returns the wall clock and the time that has passed since some moment.
	read func() (wall time.Time, up time.Duration)

	mu       sync.Mutex
	began    time.Time // of this run, on the wall clock as it is now; zero = not begun
	last     time.Time
	lastUp   time.Duration
	high     time.Time     // the newest time that was believed
	saved    time.Time     // of high
	doubt    bool          // the clock can't be right
	doubtEnd time.Duration // it is believed all the same from then on
	quiet    time.Duration // until then nothing is deleted
}

func newClock() *clock {
	start := time.Now()
	return &clock{read: func() (time.Time, time.Duration) { now := time.Now(); return now.Round(0), now.Sub(start) }}
}

// begin starts a run after one that has seen high; zero = there was none.
func (c *clock) begin(high time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, up := c.read()
	c.began, c.last, c.lastUp, c.high = wall, wall, up, high
	c.doubt = c.impossible(wall)
	c.doubtEnd = up + doubtTime
	if !high.IsZero() && wall.Sub(high) > jumpSize {
		c.quiet = up + quietTime
	}
}

func (c *clock) impossible(wall time.Time) bool {
	return wall.Before(released) || wall.Before(c.high.Add(-jumpSize))
}

// tick looks at the clock. It returns by how much the wall clock has moved against
// the time that has passed, and what its span was in this run before that.
func (c *clock) tick() (by time.Duration, from, to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, up := c.read()
	passed := up - c.lastUp
	by = wall.Sub(c.last) - passed
	from, to = c.began, c.last.Add(passed+time.Second)
	c.last, c.lastUp = wall, up
	if by > jumpSize || by < -jumpSize {
		c.began = c.began.Add(by)
		if by > 0 {
			c.quiet = up + quietTime
		} else {
			c.high = wall // somebody has set it back: it was wrong
		}
		c.doubt = c.impossible(wall)
		c.doubtEnd = up + doubtTime
	}
	if c.doubt && up >= c.doubtEnd {
		c.doubt, c.high = false, wall
	}
	if !c.doubt && wall.After(c.high) {
		c.high = wall
	}
	return by, from, to
}

// mayDelete tells whether what the clock says is over may go.
func (c *clock) mayDelete() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.began.IsZero() && !c.doubt && c.lastUp >= c.quiet
}

// doubtful tells whether the clock can't be right.
func (c *clock) doubtful() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.began.IsZero() || c.doubt
}

func (c *clock) now() time.Time {
	wall, _ := c.read()
	return wall
}

// toSave returns the newest time if it is to be noted now.
func (c *clock) toSave() (high time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doubt || c.high.Sub(c.saved).Abs() < clockSave {
		return high, false
	}
	c.saved = c.high
	return c.high, true
}

// keepTime looks at the clock and repairs dates that follow from its jumps.
func (m *Mover) keepTime(ctx context.Context) error {
	c := m.clock
	if c.began.IsZero() { // written by this goroutine only
		high, err := state.ClockHigh(ctx, m.o.DB.Reader())
		if err != nil {
			return err
		}
		c.begin(high)
		if c.doubtful() {
			m.o.Log.Warn("the clock is behind: nothing expires until it is set", "now", c.now(), "known", high)
		}
		if err := m.shorten(ctx); err != nil {
			return err
		}
	}
	by, from, to := c.tick()
	if by.Abs() > skewHealed {
		m.o.Log.Warn("the clock was set", "by", by.Round(time.Second))
		if _, err := m.Unpark(ctx, ""); err != nil { // what was refused for its time is signed well now
			return err
		}
	}
	switch {
	case by > jumpSize:
		if err := m.moveDates(ctx, by, from, to); err != nil {
			return err
		}
	case by < -jumpSize:
		if err := m.shorten(ctx); err != nil {
			return err
		}
	}
	if high, ok := c.toSave(); ok {
		if err := m.o.DB.Update(ctx, func(tx *state.Tx) error { return tx.SetClockHigh(high) }); err != nil {
			return err
		}
	}
	return m.startLives(ctx)
}

// startLives gives what was stored in doubt its date of deletion.
func (m *Mover) startLives(ctx context.Context) error {
	for n := int64(clockStep); n == clockStep && !m.clock.doubtful(); {
		err := m.o.DB.Update(ctx, func(tx *state.Tx) (err error) {
			n, err = tx.StartExpiry(m.clock.now(), clockStep)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// moveDates moves the dates of what was stored in this run before a jump.
func (m *Mover) moveDates(ctx context.Context, by time.Duration, from, to time.Time) error {
	return m.redate(ctx, from, func(f *state.FileRow) time.Time {
		stored := f.Expires.Add(-time.Duration(f.Detail.Keep))
		if stored.Before(from) || stored.After(to) {
			return f.Expires
		}
		return f.Expires.Add(by)
	})
}

// shorten restarts the lives that end later than they can.
func (m *Mover) shorten(ctx context.Context) error {
	now := m.clock.now()
	return m.redate(ctx, now, func(f *state.FileRow) time.Time {
		if latest := now.Add(time.Duration(f.Detail.Keep)); f.Expires.After(latest) {
			return latest
		}
		return f.Expires
	})
}

// redate changes the dates of what is deleted after a time.
func (m *Mover) redate(ctx context.Context, after time.Time, date func(*state.FileRow) time.Time) error {
	for behind := int64(0); ; {
		files, err := state.ExpiringFiles(ctx, m.o.DB.Reader(), after, behind, clockStep)
		if err != nil || len(files) == 0 {
			return err
		}
		behind = files[len(files)-1].ID
		err = m.o.DB.Update(ctx, func(tx *state.Tx) error {
			for _, f := range files {
				if at := date(f); !at.Equal(f.Expires) {
					if err := tx.SetExpiry(f.ID, at); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}
