package cli

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// step is one thing that the next start of the server will do.
type step struct {
	Recording string `json:"recording,omitempty"`
	Object    string `json:"object"`
	Store     string `json:"store"`
	Does      string `json:"does"` // wait, finish, end, store, drop, take up, remove, keep, set aside, leave
	Detail    string `json:"detail"`
	Problem   bool   `json:"problem,omitempty"`
}

// survey looks at spool and state as the next start will, and changes nothing.
type survey struct {
	c       *command
	s       *settings
	db      *state.DB // nil if there is no state
	now     time.Time
	running map[string]bool       // tasks
	dirs    map[string]*spool.Dir // by path
	known   map[string]bool       // spool files that were looked at: dir and name
	steps   []step
}

// recovery tells what the next start will do.
func (c *command) recovery(f *flag.FlagSet, args []string) (int, error) {
	c.jsonFlag(f)
	dry := f.Bool("dry-run", false, "only say what would be done")
	if _, err := parse(f, args, 0, 0); err != nil {
		return usage, err
	}
	if !*dry {
		return usage, misused("the server does this by itself whenever it starts; --dry-run says what it will do")
	}
	s, err := c.load()
	if err != nil {
		return bad, err
	}
	v := &survey{c: c, s: s, now: c.now(), running: map[string]bool{}, dirs: map[string]*spool.Dir{}, known: map[string]bool{}, steps: []step{}}
	defer v.close()
	notes, err := v.look()
	if err != nil {
		return bad, err
	}
	status := good
	if slices.ContainsFunc(v.steps, func(x step) bool { return x.Problem }) {
		status = bad
	}
	if c.json {
		for _, n := range notes {
			c.complain("%s", n)
		}
		return status, c.writeJSON(v.steps)
	}
	v.print(notes)
	return status, nil
}

func (v *survey) close() {
	for _, d := range v.dirs {
		_ = d.Close() // it was only read
	}
	if v.db != nil {
		v.db.Close()
	}
}

func (v *survey) print(notes []string) {
	if len(v.steps) == 0 {
		v.c.say("Nothing is to be recovered.")
	} else {
		var t table
		t.row("DOES", "STORE", "OBJECT", "DETAIL", "RECORDING")
		for _, x := range v.steps {
			t.row(x.Does, x.Store, short(x.Object), x.Detail, x.Recording)
		}
		t.write(v.c.out)
	}
	for _, n := range notes {
		v.c.say("%s", n)
	}
}

// look goes through state and spool.
func (v *survey) look() (notes []string, err error) {
	if holder, err := state.LockHolder(v.s.State); err == nil && holder != "" {
		notes = append(notes, "A server runs ("+holder+"): this is how it would find things if it died now.")
	}
	db, err := state.OpenReadOnly(v.s.State)
	switch {
	case errors.Is(err, os.ErrNotExist):
		notes = append(notes, "There is no "+v.s.State+": whatever lies in the spool is taken up by its headers.")
	case err != nil:
		return nil, err
	default:
		v.db = db
		if err := v.fromState(); err != nil {
			return nil, err
		}
	}
	if err := v.strays(); err != nil {
		return nil, err
	}
	if v.db != nil {
		queues, err := state.EndpointQueues(v.c.ctx, v.db.Reader())
		if err != nil {
			return nil, err
		}
		for _, q := range queues {
			notes = append(notes, fmt.Sprintf("Events for %s: %d go out, %d are parked.", q.Endpoint, q.Waiting, q.Parked))
		}
	}
	return notes, nil
}

func (v *survey) fromState() error {
	tasks, err := state.RunningTasks(v.c.ctx, v.db.Reader(), v.now)
	if err != nil {
		return err
	}
	for _, k := range tasks {
		v.running[k.ID] = true
	}
	rows, err := state.Recordings(v.c.ctx, v.db.Reader(), "WHERE state IN (?,?) ORDER BY id", string(state.Recording), string(state.Interrupted))
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := v.recording(r); err != nil {
			return err
		}
	}
	files, err := state.Files(v.c.ctx, v.db.Reader(), "WHERE state IN (?,?) ORDER BY ended, id", string(state.FileEnded), string(state.FileParked))
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := v.ended(f); err != nil {
			return err
		}
	}
	return nil
}

// dir opens the folder in which files of a store grow; nil if there is none.
func (v *survey) dir(store string) (*spool.Dir, error) {
	path := v.s.growDir(store)
	if d := v.dirs[path]; d != nil {
		return d, nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil // Open would make it
	}
	d, err := spool.Open(path, 0, 0, nil)
	if err == nil {
		v.dirs[path] = d
	}
	return d, err
}

// stores are the names of the stores, in order.
func (s *settings) stores() []string {
	names := make([]string, 0, len(s.Stores))
	for n := range s.Stores {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// splices reads the splice windows of the pinned plan.
func splices(formats []config.Format) map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, f := range formats {
		out[string(f.Name)+" "+f.Store] = f.Splice
	}
	return out
}
