package state

import (
	"context"
	"fmt"
	"math/rand"
	"path/filepath"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The clock's questions are answered as by looking at every task.
func TestRunningTasksAreThoseThatApply(t *testing.T) {
	db := open(t)
	ctx := context.Background()
	rnd := rand.New(rand.NewSource(1))
	base := time.Unix(1_800_000_000, 0)
	all := map[string]*Task{}
	lengths := []time.Duration{1, time.Second, time.Minute, time.Hour, 24 * time.Hour, 400 * 24 * time.Hour, 130 * 365 * 24 * time.Hour}
	for i := range 400 {
		start := base.Add(time.Duration(rnd.Int63n(int64(48 * time.Hour))))
		k := &Task{ID: fmt.Sprint(i), Domain: "d", App: "a", Stream: "s", Start: start, Created: start.Add(-time.Duration(rnd.Intn(2)) * time.Hour),
			End: start.Add(1 + time.Duration(rnd.Int63n(int64(lengths[rnd.Intn(len(lengths))])))), StreamType: i % 2, TemplateID: int64(i)}
		if i%5 == 0 {
			k.Created = k.Start.Add(time.Duration(rnd.Int63n(int64(k.End.Sub(k.Start))))) // it begins in the past
		}
		all[k.ID] = k
	}
	require.NoError(t, db.Update(ctx, func(tx *Tx) error {
		for _, k := range all {
			if err := tx.InsertTask(k); err != nil {
				return err
			}
		}
		return nil
	}))
	now := base
	for range 300 {
		now = now.Add(time.Duration(rnd.Int63n(int64(20 * time.Minute))))
		if id := fmt.Sprint(rnd.Intn(400)); rnd.Intn(3) == 0 {
			require.NoError(t, db.UpdateNow(ctx, func(tx *Tx) error {
				if rnd.Intn(2) == 0 {
					if err := tx.StopTask(id, now); err != nil {
						return nil //nolint:nilerr // it was deleted
					}
					if k := all[id]; k.End.After(now) && k.Stopped.IsZero() {
						k.Stopped = now
					}
					return nil
				}
				if err := tx.DeleteTask(id, now); err == nil {
					all[id].Deleted = now
				}
				return nil
			}))
		}
		var want []string
		next := time.Time{}
		for _, k := range all {
			if k.Applies(now) && !k.Created.After(now) {
				want = append(want, k.ID)
			}
			for _, at := range []time.Time{k.Start, k.End} {
				if k.Stopped.IsZero() && k.Deleted.IsZero() && !at.Before(k.Created) && at.After(now) && (next.IsZero() || at.Before(next)) {
					next = at
				}
			}
		}
		tasks, err := RunningTasks(ctx, db.Reader(), now)
		require.NoError(t, err)
		var got []string
		for _, k := range tasks {
			got = append(got, k.ID)
			require.Equal(t, all[k.ID].End.UnixNano(), k.End.UnixNano())
		}
		sort.Strings(want)
		sort.Strings(got)
		require.Equal(t, want, got)
		change, err := NextTaskChange(ctx, db.Reader(), now)
		require.NoError(t, err)
		require.False(t, change.IsZero())
		require.True(t, change.After(now))
		require.False(t, change.After(next), "%v %v", change, next)
	}
	k, err := TaskByID(ctx, db.Reader(), "7")
	require.NoError(t, err)
	require.Equal(t, int64(7), k.TemplateID)
	require.Equal(t, 1, k.StreamType)
}

func TestADeletedTaskIsNotOver(t *testing.T) {
	now := time.Unix(100, 0)
	k := &Task{Start: now, End: now.Add(time.Second), Deleted: now}
	require.False(t, k.Over(now))
	require.False(t, k.Applies(now))
	require.True(t, k.Over(now.Add(time.Second)))
}

func TestNoTaskNoChange(t *testing.T) {
	at, err := NextTaskChange(context.Background(), open(t).Reader(), time.Now())
	require.NoError(t, err)
	require.True(t, at.IsZero())
	_, err = ListTasks(context.Background(), open(t).Reader(), TaskFilter{})
	require.Error(t, err)
}

func TestAPIRowsSurviveAReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	ctx := context.Background()
	at := time.Unix(5, 6)
	db, err := Open(path)
	require.NoError(t, err)
	tpl := &TemplateRow{Name: "n", Body: []byte(`{"a":1}`), Created: at, Updated: at}
	cb := &TemplateRow{Name: "c", Body: []byte(`{}`), Created: at, Updated: at}
	require.NoError(t, db.Update(ctx, func(tx *Tx) error {
		for _, f := range []func() error{
			func() error { return tx.InsertTemplate(tpl) },
			func() error { return tx.InsertCallbackTemplate(cb) },
			func() error { return tx.InsertRule(&RuleRow{Domain: "d", Template: 1, Created: at, Updated: at}) },
			func() error {
				return tx.InsertCallbackRule(CallbackRuleRow{Domain: "d", App: "a", Template: 1, Created: at, Updated: at})
			},
		} {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Error(t, db.Update(ctx, func(tx *Tx) error { return tx.InsertRule(&RuleRow{Domain: "d"}) }), "a second rule of a triple")
	require.NoError(t, db.Close())
	db, err = Open(path)
	require.NoError(t, err)
	defer db.Close()
	templates, err := Templates(ctx, db.Reader())
	require.NoError(t, err)
	require.Equal(t, []*TemplateRow{tpl}, templates)
	rules, err := Rules(ctx, db.Reader())
	require.NoError(t, err)
	require.Equal(t, []RuleRow{{ID: 1, Domain: "d", Template: 1, Created: at, Updated: at}}, rules)
	callbacks, err := CallbackTemplates(ctx, db.Reader())
	require.NoError(t, err)
	require.Equal(t, []*TemplateRow{cb}, callbacks)
	bound, err := CallbackRules(ctx, db.Reader())
	require.NoError(t, err)
	require.Len(t, bound, 1)
	require.NoError(t, db.Update(ctx, func(tx *Tx) error {
		require.ErrorIs(t, tx.DeleteRule("d", "x", ""), ErrNotFound)
		require.NoError(t, tx.DeleteTemplate(1))
		return tx.InsertTemplate(tpl)
	}))
	require.Equal(t, int64(2), tpl.ID, "ids are never used twice")
}

func BenchmarkTenThousandWaitingTasks(b *testing.B) {
	db, err := Open(filepath.Join(b.TempDir(), "state.db"))
	require.NoError(b, err)
	defer db.Close()
	ctx := context.Background()
	now := time.Now()
	insert := func(id string, start time.Time) {
		require.NoError(b, db.Update(ctx, func(tx *Tx) error {
			return tx.InsertTask(&Task{ID: id, Domain: "d", App: "a", Stream: id, Start: start, End: start.Add(time.Hour), Created: start.Add(-48 * time.Hour)})
		}))
	}
	insert("running", now.Add(-time.Minute))
	ask := func(b *testing.B) {
		for b.Loop() {
			tasks, err := RunningTasks(ctx, db.Reader(), now)
			if err != nil || len(tasks) != 1 {
				b.Fatal(len(tasks), err)
			}
			if _, err := NextTaskChange(ctx, db.Reader(), now); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("waiting=0", ask)
	require.NoError(b, db.Update(ctx, func(tx *Tx) error {
		for i := range 20_000 { // half of them past
			start := now.Add(time.Duration(i-10_000)*time.Second - time.Hour)
			if i >= 10_000 {
				start = start.Add(2 * time.Hour)
			}
			if err := tx.InsertTask(&Task{ID: fmt.Sprint(i), Start: start, End: start.Add(time.Hour), Created: start.Add(-48 * time.Hour)}); err != nil {
				return err
			}
		}
		return nil
	}))
	b.Run("waiting=10000", ask)
}
