package tasks

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/api"
	"github.com/live-recording/liverecord/internal/state"
)

// BenchmarkWaitingTasks measures what tasks cost that only wait, beside as many
// that are over: CPU and memory of a server that does nothing else, and the time
// that a call takes to make one more task (and to stop it).
func BenchmarkWaitingTasks(b *testing.B) {
	for _, n := range []int{0, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := lab.Start(b, lab.Options{API: true, Recording: "templates: {}\n"})
			s.Stop(b)
			addTasks(b, filepath.Join(s.Dir, "data", "state.db"), n)
			s.Run(b)
			pair, err := api.ReadCredentials(filepath.Join(s.Dir, "data"))
			if err != nil {
				b.Fatal(err)
			}
			c := api.Client{BaseURL: strings.TrimSuffix(s.Record(""), "/"), SecretID: pair.SecretID, SecretKey: pair.SecretKey}
			time.Sleep(5 * time.Second) // the start is over
			b.ResetTimer()
			var used, calls time.Duration
			for range b.N {
				before := cpu(b, s.PID())
				time.Sleep(20 * time.Second)
				used += cpu(b, s.PID()) - before
				begin := time.Now()
				for range 20 {
					makeAndStop(b, &c)
				}
				calls += time.Since(begin)
			}
			b.ReportMetric(used.Seconds()*1000/float64(b.N)/20, "cpu-ms/s")
			b.ReportMetric(calls.Seconds()*1000/float64(b.N)/40, "ms/call")
			b.ReportMetric(rss(b, s.PID()), "RSS-MiB")
		})
	}
}

// addTasks stores n tasks that wait, one every second from ten minutes on, and n
// that are over.
func addTasks(b *testing.B, file string, n int) {
	b.Helper()
	db, err := state.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	now := time.Now()
	err = db.UpdateNow(context.Background(), func(tx *state.Tx) error {
		for i := range n {
			for k, from := range map[string]time.Time{
				"wait": now.Add(10*time.Minute + time.Duration(i)*time.Second), "over": now.Add(-time.Hour - time.Duration(i)*time.Second)} {
				err := tx.InsertTask(&state.Task{ID: fmt.Sprintf("%s-%d", k, i), Domain: domain, App: "live", Stream: fmt.Sprint(i),
					Start: from, End: from.Add(30 * time.Minute), Created: from.Add(-time.Hour)})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func makeAndStop(b *testing.B, c *api.Client) {
	b.Helper()
	var made struct{ TaskId string }
	err := c.Call(context.Background(), "LrStart", map[string]any{"DomainName": domain, "AppName": "live", "StreamName": "x"}, &made)
	if err == nil {
		err = c.Call(context.Background(), "StopRecordTask", map[string]any{"TaskId": made.TaskId}, nil)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// cpu is the time that the threads of a process have run.
func cpu(b *testing.B, pid int) (sum time.Duration) {
	b.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		b.Fatalf("no threads of %d: %v", pid, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		var ns int64
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

// rss is the memory of a process in MiB.
func rss(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	b.Fatalf("no VmRSS of %d", pid)
	return 0
}
