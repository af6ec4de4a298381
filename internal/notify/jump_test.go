package notify

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestJumped(t *testing.T) {
	now := time.Date(1970, 1, 1, 0, 1, 0, 0, time.UTC)
	require.False(t, jumped(now, now.Add(5*time.Minute), 5*time.Minute))
	require.False(t, jumped(now, now.Add(6*time.Minute), 5*time.Minute), "NTP at work")
	require.True(t, jumped(now, now.AddDate(56, 0, 0), 5*time.Minute))
	require.True(t, jumped(now, now.Add(-5*time.Hour), 5*time.Minute))
}

func TestWaits(t *testing.T) {
	now := time.Now()
	require.False(t, waits(now.Add(-time.Second), now))
	require.True(t, waits(now.Add(longestPause), now))
	require.True(t, waits(now.Add(longestWish), now))
	require.False(t, waits(now.Add(5*time.Hour), now), "of a clock that was ahead")
}
