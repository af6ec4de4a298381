//go:build torture

package torture

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/faultfs"
)

// kindOf says what a path below the data folder is.
func kindOf(path string) string {
	ext := filepath.Ext(path)
	switch {
	case path == "":
		return "data folder"
	case strings.HasPrefix(path, "state.db.lock"):
		return "lock"
	case strings.HasPrefix(path, "state.db"):
		return "state" + strings.TrimPrefix(path, "state.db")
	case path == "spool" || path == "recordings":
		return path + " folder"
	case path == "recordings/.liverecord":
		return "growing folder"
	case strings.HasPrefix(path, "spool/"):
		return "spool " + named(ext)
	case strings.HasPrefix(path, "recordings/.liverecord/"):
		return "growing " + named(ext)
	case strings.HasPrefix(path, "recordings/") && ext == "":
		return "object folder"
	case strings.HasPrefix(path, "recordings/"):
		return "object"
	}
	return "other"
}

func named(ext string) string {
	switch ext {
	case ".body":
		return "body"
	case ".idx":
		return "journal"
	case ".fin":
		return "copy"
	}
	return "other file"
}

// A fault of the matrix: what happens to an operation.
type matrixFault struct {
	name  string
	errno syscall.Errno
}

const (
	faultHang  = "hang"
	faultKill  = "kill"
	faultPower = "power cut"
)

var matrixFaults = []matrixFault{
	{"EIO", syscall.EIO}, {"ENOSPC", syscall.ENOSPC}, {"EROFS", syscall.EROFS}, {faultHang, 0}, {faultKill, 0}, {faultPower, 0},
}

// phase is when an operation is seen.
type phase int

const (
	running phase = iota // while streams are recorded
	restart              // when a server starts over what a crash left
	first                // when a server starts in an empty folder
)

// matrixRow is an operation on a kind of file, and the first phase in which it is seen.
type matrixRow struct {
	faultfs.Call
	phase phase
}

func (r matrixRow) String() string {
	return fmt.Sprintf("%s %s%s", r.Op, r.Kind, []string{"", " (restart)", " (first start)"}[r.phase])
}

// traceRows finds the rows: a run with every format, local and COS, with files
// that end and parts that are given back, then kill -9, and a start.
func traceRows(t *testing.T) (rows []matrixRow) {
	t.Helper()
	c := newCell(t, matrixRow{}, matrixFault{})
	var traces [3]map[faultfs.Call]int
	c.start()
	c.publish()
	time.Sleep(time.Second)
	traces[first] = c.fs.Trace()
	c.fs.Kinds(kindOf)
	time.Sleep(20 * time.Second)
	traces[running] = c.fs.Trace()
	c.s.Kill(t)
	c.fs.Kinds(kindOf)
	c.s.Run(t)
	time.Sleep(3 * time.Second)
	c.s.Stop(t)
	c.s.Run(t)
	traces[restart] = c.fs.Trace()
	c.stop()
	seen := map[faultfs.Call]bool{}
	for p, trace := range traces {
		for call := range trace {
			if !seen[call] {
				rows = append(rows, matrixRow{call, phase(p)})
			}
			seen[call] = true
		}
	}
	slices.SortFunc(rows, func(a, b matrixRow) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(string(a.Op), string(b.Op)))
	})
	return rows
}

// sliceRows are what a short run tries.
var sliceRows = map[matrixRow]string{
	{faultfs.Call{Op: faultfs.Write, Kind: "spool body"}, running}:      "EIO",
	{faultfs.Call{Op: faultfs.Fsync, Kind: "growing journal"}, running}: faultHang,
	{faultfs.Call{Op: faultfs.Link, Kind: "object"}, running}:           faultPower,
	{faultfs.Call{Op: faultfs.Write, Kind: "state-wal"}, running}:       "ENOSPC",
}

// TestMatrix makes each operation on the disk fail, hang, or end the server or the
// machine, and writes down what happens.
func TestMatrix(t *testing.T) {
	scenario(t)
	var rows []matrixRow
	if long() {
		rows = traceRows(t)
		missingOps(t, rows)
		t.Logf("%d operations: %v", len(rows), rows)
	} else {
		for r := range sliceRows {
			rows = append(rows, r)
		}
	}
	var mu sync.Mutex
	cells := map[matrixRow]map[string]string{}
	t.Run("cells", func(t *testing.T) {
		for _, row := range rows {
			cells[row] = map[string]string{}
			for _, fault := range matrixFaults {
				if !long() && sliceRows[row] != fault.name {
					continue
				}
				t.Run(fmt.Sprintf("%v %s", row, fault.name), func(t *testing.T) {
					t.Parallel()
					text := newCell(t, row, fault).try()
					t.Log(text)
					mu.Lock()
					defer mu.Unlock()
					cells[row][fault.name] = text
				})
			}
		}
	})
	if long() && *write {
		insert(t, "matrix", table(rows, cells))
	}
}

// table is the matrix as a page shows it.
func table(rows []matrixRow, cells map[matrixRow]map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d operations, from a run on %s with SEED=%d.\n\n| file | operation |", len(rows), time.Now().Format("2 January 2006"), *seed)
	for _, f := range matrixFaults {
		fmt.Fprintf(&b, " %s |", f.name)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(matrixFaults)) + "\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s |", r.Kind, strings.Replace(r.String(), " "+r.Kind, "", 1))
		for _, f := range matrixFaults {
			fmt.Fprintf(&b, " %s |", cmp.Or(cells[r][f.name], "no result"))
		}
		b.WriteString("\n")
	}
	return b.String()
}
