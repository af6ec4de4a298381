package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/lockfile"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/cos"
	"github.com/live-recording/liverecord/internal/store/local"
)

// patience is how long one store may take to be tried.
const patience = 2 * time.Minute

// finding is one line of doctor.
type finding struct {
	About  string `json:"about"`
	OK     bool   `json:"ok"`
	What   string `json:"what"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// examination collects findings.
type examination struct {
	c     *command
	s     *settings
	found []finding
}

// doctor tries what recording needs.
func (c *command) doctor(f *flag.FlagSet, args []string) (int, error) {
	c.jsonFlag(f)
	if _, err := parse(f, args, 0, 0); err != nil {
		return usage, err
	}
	s, err := c.load()
	if err != nil {
		return bad, err
	}
	x := &examination{c: c, s: s}
	x.configuration()
	x.state()
	x.server()
	x.spool()
	x.asides()
	for _, name := range s.stores() {
		x.store(name, s.Stores[name])
	}
	status := good
	if slices.ContainsFunc(x.found, func(f finding) bool { return !f.OK }) {
		status = bad
	}
	if c.json {
		return status, c.writeJSON(x.found)
	}
	x.print()
	return status, nil
}

func (x *examination) print() {
	var t table
	wrong := 0
	for _, f := range x.found {
		mark := "ok"
		if !f.OK {
			mark = "BAD"
			wrong++
		}
		t.row(mark, f.About, f.What, f.Detail)
	}
	t.write(x.c.out)
	if wrong == 0 {
		x.c.say("\nAll is well.")
		return
	}
	x.c.say("\n%s to fix:", count(wrong, "thing"))
	for _, f := range x.found {
		if !f.OK {
			x.c.say("  %s, %s: %s", f.About, f.What, f.Remedy)
		}
	}
}

func (x *examination) ok(about, what, format string, args ...any) {
	x.found = append(x.found, finding{About: about, OK: true, What: what, Detail: fmt.Sprintf(format, args...)})
}

func (x *examination) bad(about, what, detail, remedy string) {
	x.found = append(x.found, finding{About: about, What: what, Detail: detail, Remedy: remedy})
}

func (x *examination) configuration() {
	about := x.s.file
	if err := x.s.incomplete(); err != nil {
		x.bad(about, "environment", err.Error(), "set them in this shell as for the server; stores that need them can't be tried without")
		return
	}
	if n := len(x.s.Warnings); n > 0 {
		x.ok(about, "configuration", "%s, see `record check`", count(n, "warning"))
		return
	}
	x.ok(about, "configuration", "no mistakes")
}

// state looks at the state file and whose it is.
func (x *examination) state() {
	const about = "state"
	x.aside(about)
	db, err := state.OpenReadOnly(x.s.State)
	if errors.Is(err, os.ErrNotExist) {
		x.folder(about, filepath.Dir(x.s.State))
		return
	}
	if err != nil {
		x.bad(about, "readable", err.Error(), "run as the user of the server; a damaged file is set aside by the server itself when it starts")
		return
	}
	defer db.Close()
	var verdict string
	if err := db.Reader().QueryRowContext(x.c.ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil || verdict != "ok" {
		x.bad(about, "readable", fmt.Sprintf("%s is damaged: %v %s", x.s.State, err, verdict),
			"restart the server: it sets the file aside and takes up what is in the spool without it")
		return
	}
	x.ok(about, "readable", "%s", x.s.State)
	x.folder(about, filepath.Dir(x.s.State))
	x.clock(db)
	x.losses(db)
	parked, err := state.Files(x.c.ctx, db.Reader(), "WHERE state=? ORDER BY id LIMIT 1", string(state.FileParked))
	if err == nil && len(parked) > 0 {
		x.bad(about, "parked files", parked[0].Object+": "+parked[0].Error, "`record list` shows them; they are tried again when the configuration changes")
	}
}

// aside lists states that were broken and set aside.
func (x *examination) aside(about string) {
	list, err := state.Aside(x.s.State)
	if err != nil {
		return // the folder is looked at below
	}
	for _, name := range list {
		x.bad(about, "set aside", name+" was broken, and a new state began from nothing",
			"look whether templates, rules or tasks of the API are missing, then move the file elsewhere")
	}
}

// locked tells whether another server than that of our state works in a folder
// where files grow; then ours can't use it.
func (x *examination) locked(about, dir string) {
	who, err := lockfile.Holder(filepath.Join(dir, spool.LockName))
	if err != nil || who == "" {
		return // rights are looked at below
	}
	if ours, err := state.LockHolder(x.s.State); err == nil && ours == who {
		x.ok(about, "lock", "held by the server of %s", x.s.State)
		return
	}
	x.bad(about, "lock", dir+" is in use by "+who+", which works with another state",
		"stop that server, or give this one a folder of its own: two servers must never share one")
}

// clock compares this machine's clock with what was written down before.
func (x *examination) clock(db *state.DB) {
	latest, err := state.Recordings(x.c.ctx, db.Reader(), "ORDER BY started DESC LIMIT 1")
	if err != nil || len(latest) == 0 {
		return
	}
	if ahead := latest[0].Started.Sub(x.c.now()); ahead > time.Minute {
		x.bad("clock", "this machine", fmt.Sprintf("the latest recording began %s in the future", lengthText(ahead)),
			"set this machine's clock (NTP): tasks, keys and signatures go by it")
	}
}

// server asks whether the server runs, and talks to it.
func (x *examination) server() {
	holder, err := state.LockHolder(x.s.State)
	if err != nil {
		x.bad("server", "lock", err.Error(), "run as the user of the server")
		return
	}
	if holder == "" {
		x.ok("server", "runs", "no; nobody uses %s", x.s.State)
		return
	}
	x.ok("server", "runs", "%s", holder)
	if x.s.API.Address == "" {
		return
	}
	v, err := connect(x.s)
	if err == nil {
		err = x.c.operate(v, "LrList", map[string]int{"Limit": 1}, nil)
	}
	if err != nil {
		x.bad("server", "API", err.Error(), "see the server's log; a change of `api` needs a restart")
		return
	}
	x.ok("server", "API", "answers at %s", v.address)
}

// spool looks at the folder where uploads wait.
func (x *examination) spool() {
	x.locked("spool", x.s.Spool.Dir)
	x.folder("spool", x.s.Spool.Dir)
	used, err := diskUse(x.s.Spool.Dir)
	if err != nil {
		return // there is none yet
	}
	if asides, err := spool.AsidesIn(x.s.Spool.Dir); err == nil {
		for _, a := range asides {
			used -= a.Bytes // they don't count for the budget
		}
	}
	limit := x.s.Spool.MaxSize
	if limit > 0 && used > limit*9/10 {
		x.bad("spool", "budget", fmt.Sprintf("%s of %s are used", bytesText(used), bytesText(limit)),
			"look why uploads don't proceed (`record list`), or raise spool.maxSize")
		return
	}
	x.ok("spool", "budget", "%s of %s are used", bytesText(used), bytesText(limit))
}

// asides lists what was set aside where files grow.
func (x *examination) asides() {
	seen := map[string]bool{}
	for _, store := range x.s.stores() {
		dir := x.s.growDir(store)
		if seen[dir] {
			continue
		}
		seen[dir] = true
		files, err := spool.AsidesIn(dir)
		if err != nil {
			continue // folder has said so, or there is none yet
		}
		for _, a := range files {
			x.bad("spool", "set aside", fmt.Sprintf("%s (%s) is kept: it could not be read or understood", a.Path, bytesText(a.Bytes)),
				"the log says why; keep a copy, report it, then delete it or move it away")
		}
	}
}

// diskUse sums up the files of a folder.
func diskUse(dir string) (sum int64, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			sum += onDisk(info)
		}
	}
	return sum, err
}

// folder tells whether this user may write to a folder, and how much space its
// disk has.
func (x *examination) folder(about, dir string) bool {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		above := filepath.Dir(filepath.Clean(dir))
		for _, err := os.Stat(above); err != nil && above != filepath.Dir(above); _, err = os.Stat(above) {
			above = filepath.Dir(above)
		}
		if !x.writable(about, above) {
			return false
		}
		x.ok(about, "folder", "%s is made by the server when it starts", dir)
		x.space(about, above)
		return false
	}
	if err != nil {
		x.bad(about, "folder", err.Error(), "let the server's user read and write "+dir)
		return false
	}
	if uid := os.Geteuid(); uid >= 0 && owner(info) >= 0 && owner(info) != uid {
		x.bad(about, "folder", fmt.Sprintf("%s belongs to user %d, you are %d: nothing was tried there", dir, owner(info), uid),
			"run the command as the user that runs the server")
		return false
	}
	if !x.writable(about, dir) {
		return false
	}
	x.ok(about, "folder", "%s can be written to", dir)
	return x.space(about, dir)
}

// writable makes a file, and removes it.
func (x *examination) writable(about, dir string) bool {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err == nil {
		_, err = f.WriteString("written by `record doctor`; can be deleted\n")
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		x.bad(about, "folder", err.Error(), "let the server's user write to "+dir)
	}
	return err == nil
}

func (x *examination) space(about, dir string) bool {
	free, err := freeBytes(dir)
	floor := x.s.Spool.MinFree
	switch {
	case err != nil:
		x.bad(about, "disk space", err.Error(), "look at the disk of "+dir)
	case free < floor:
		x.bad(about, "disk space", fmt.Sprintf("%s are free, spool.minFree is %s: nothing is written there now", bytesText(free), bytesText(floor)),
			"free some space, or lower spool.minFree")
	default:
		x.ok(about, "disk space", "%s free, the floor (spool.minFree) is %s", bytesText(free), bytesText(floor))
	}
	return err == nil && free >= floor
}

// store tries a store with files of its own.
func (x *examination) store(name string, cfg config.Store) {
	about := "store " + name
	ctx, cancel := context.WithTimeout(x.c.ctx, patience)
	defer cancel()
	if cfg.Type == "local" {
		x.locked(about, local.GrowDir(cfg.Dir))
		if !x.folder(about, cfg.Dir) {
			return
		}
		s, err := local.New(cfg, x.s.Spool.MinFree)
		if err != nil {
			x.bad(about, "folder", err.Error(), "let the server's user write to "+cfg.Dir)
			return
		}
		defer s.Close()
		for _, f := range s.Diagnose(ctx) {
			if f.What != "disk space" { // told above
				x.take(about, f)
			}
		}
		return
	}
	if x.s.incomplete() != nil {
		return // told above
	}
	s, err := cos.New(cfg, cos.Options{})
	if err != nil {
		x.bad(about, "configuration", err.Error(), "correct the store")
		return
	}
	defer s.Close()
	for _, f := range s.Diagnose(ctx) {
		x.take(about, f)
	}
	x.expiry(about, name)
}

func (x *examination) take(about string, f store.Finding) {
	if f.Remedy == "" && !f.OK {
		f.Remedy = "see the detail above"
	}
	x.found = append(x.found, finding{About: about, OK: f.OK, What: f.What, Detail: f.Detail, Remedy: f.Remedy})
}

// expiry says which lifecycle rules the templates count on: one for each value of
// the tag.
func (x *examination) expiry(about, name string) {
	var tags []string
	for _, t := range x.s.Templates {
		for _, f := range t.Formats {
			const day = 24 * time.Hour
			tag := fmt.Sprintf("%s=%dd", cos.ExpireTag, (f.Keep+day-1)/day)
			if f.Store == name && f.Keep > 0 && !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
	}
	if len(tags) > 0 {
		x.ok(about, "keep", "templates use the tags %s; each needs a lifecycle rule", strings.Join(tags, ", "))
	}
}
