package upload

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// A disk that can't read a file now may read it in a minute. One that still can't is
// asked no more: the file is set aside, where a human may save what is in it. That
// concerns files of which nothing can be read: where a part can, the rest is damage.
const (
	unreadFor   = time.Minute
	unreadTimes = 4
)

// unread is since when, and how often, a file could not be read.
type unread struct {
	since time.Time
	times int
}

// readable looks at how reading a file at rest went. Once patience is over, the error
// is spool.ErrBad.
func (m *Mover) readable(f *state.FileRow, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !errors.Is(err, syscall.EIO) {
		delete(m.unread, f.ID)
		return err
	}
	u := m.unread[f.ID]
	if u.times++; u.times == 1 {
		u.since = time.Now()
	}
	m.unread[f.ID] = u
	if u.times >= unreadTimes && time.Since(u.since) >= m.patience {
		return fmt.Errorf("%w: the disk can't read it: %w", spool.ErrBad, err)
	}
	return err
}
