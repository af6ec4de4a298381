package notify

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/internal/notify/event"
	"github.com/live-recording/liverecord/internal/state"
)

func TestCollectorMergesAndTellsAtMostEveryTwoMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(openState(t), nil, Options{})
		c := NewCollector(n)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); c.Run(ctx) }()

		const reports = 600
		for i := range reports { // one a second, ten minutes; two kinds, two streams
			level := event.Info
			if i%50 == 3 {
				level = event.Severe
			}
			for r := range int64(2) {
				c.Report(event.AbnormalFacts{Subject: subject(r), Type: event.VideoJump, Level: level, Desc: "x", Time: time.Now()})
				c.Report(event.AbnormalFacts{Subject: subject(r), Type: event.AudioJump, Level: level, Desc: "x", Occurs: 2, Time: time.Now()})
			}
			time.Sleep(time.Second)
		}
		cancel()
		<-done
		type key struct {
			recording int64
			kind      int
		}
		last, occurs := map[key]time.Time{}, map[key]int{}
		events, err := state.Events(context.Background(), n.db.Reader(), "WHERE type=341 ORDER BY created")
		require.NoError(t, err)
		require.Len(t, events, 4*6, "after 10 s, then every 2 minutes, and at the end")
		for i, e := range events {
			var b struct {
				Exception struct{ Type, Occurs int }
			}
			require.NoError(t, json.Unmarshal(e.Body, &b))
			k := key{e.Recording, b.Exception.Type}
			if at, ok := last[k]; ok && i < len(events)-4 {
				require.GreaterOrEqual(t, e.Created.Sub(at), abnormalGap)
			}
			last[k] = e.Created
			occurs[k] += b.Exception.Occurs
			require.Equal(t, event.Severe, e.Level, "the worst level counts")
		}
		require.Equal(t, map[key]int{{0, event.VideoJump}: reports, {1, event.VideoJump}: reports,
			{0, event.AudioJump}: 2 * reports, {1, event.AudioJump}: 2 * reports}, occurs)
	})
}

func TestCollectorForgetsAndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(openState(t), nil, Options{})
		c := NewCollector(n)
		for i := range int64(maxTroubles + 5) {
			c.Report(event.AbnormalFacts{Subject: subject(i), Type: event.NoAudio, Level: event.Warning})
		}
		require.EqualValues(t, 5, c.Dropped())
		_, ready := c.take(time.Now().Add(burst), false)
		require.Len(t, ready, maxTroubles)
		c.take(time.Now().Add(burst+abnormalGap), false)
		require.Empty(t, c.troubles)
	})
}
