package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	badExt  = ".bad"
	partExt = ".part"
)

// Aside is a file of the folder that was set aside: nobody uses it any more, and
// it does not count for the budget. An operator deletes it.
type Aside struct {
	Path  string // of the file
	Bytes int64  // on the disk
}

// SetAside takes a file that is not open out of use: body and journal get names
// that end in .bad, and its bytes leave the budget. What was set aside before under
// the same name stays. It returns where the body is now (or the journal, if there
// is no body) and its size; an empty path if there is neither.
func (d *Dir) SetAside(name string) (path string, size int64, err error) {
	free := d.freeSuffix(name)
	// The body goes first: a journal alone is looked at again, and follows.
	for _, ext := range []string{bodyExt, journalExt} {
		info, err := d.root.Stat(name + ext)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = d.root.Rename(name+ext, name+ext+free)
		}
		if err != nil {
			return path, size, fmt.Errorf("setting %s aside: %w", name, err)
		}
		if path == "" {
			path, size = filepath.Join(d.path, name+ext+free), info.Size()
		}
	}
	d.forgetHeld(name)
	if path == "" {
		return "", 0, nil
	}
	for _, ext := range []string{bodyExt, journalExt} { // copies that were never finished
		if err := d.remove(name + ext + newExt); err != nil {
			return path, size, err
		}
	}
	d.countAsides()
	return path, size, d.handle.Sync()
}

// freeSuffix is a suffix that neither body nor journal of that name has.
func (d *Dir) freeSuffix(name string) string {
	for n := 1; ; n++ {
		s := badSuffix(n)
		_, body := d.root.Lstat(name + bodyExt + s)
		_, journal := d.root.Lstat(name + journalExt + s)
		if errors.Is(body, os.ErrNotExist) && errors.Is(journal, os.ErrNotExist) {
			return s
		}
	}
}

// badSuffix is the n-th suffix of what is set aside under one name, from 1.
func badSuffix(n int) string {
	if n == 1 {
		return badExt
	}
	return fmt.Sprintf("%s.%d", badExt, n)
}

// AsideOf finds what was set aside under a name last: the body, else the journal. An
// empty path if nothing was.
func (d *Dir) AsideOf(name string) (path string, size int64) {
	for _, ext := range []string{bodyExt, journalExt} {
		for n := 1; ; n++ {
			info, err := d.root.Stat(name + ext + badSuffix(n))
			if err != nil {
				break
			}
			path, size = filepath.Join(d.path, name+ext+badSuffix(n)), info.Size()
		}
		if path != "" {
			return path, size
		}
	}
	return "", 0
}

// Asides lists what was set aside in the folder, by name: bodies, journals, and
// damaged parts of files (NAME.part.bad) that were recovered but for them.
func (d *Dir) Asides() ([]Aside, error) { return AsidesIn(d.path) }

// AsidesIn does the same for a folder that is not open.
func AsidesIn(dir string) ([]Aside, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []Aside
	for _, e := range entries {
		if !isAside(e.Name()) {
			continue
		}
		if info, err := e.Info(); err == nil {
			out = append(out, Aside{filepath.Join(dir, e.Name()), min(info.Size(), allocated(info))})
		}
	}
	return out, nil
}

// AsideCount is how many there are; at most asideEvery old.
func (d *Dir) AsideCount() int64 { return d.aside.Load() }

func (d *Dir) countAsides() {
	if files, err := d.Asides(); err == nil {
		d.aside.Store(int64(len(files)))
	}
}

func isAside(name string) bool {
	for _, ext := range []string{bodyExt, journalExt, partExt} {
		if strings.HasSuffix(name, ext+badExt) || strings.Contains(name, ext+badExt+".") {
			return true
		}
	}
	return false
}

// Orphans lists bodies without a journal, by the names of their files. The journal
// is the last to be removed, so one with content has lost it.
func (d *Dir) Orphans() ([]string, error) {
	entries, err := d.entries()
	if err != nil {
		return nil, err
	}
	journals := map[string]bool{}
	for _, e := range entries {
		if n, ok := strings.CutSuffix(e.Name(), journalExt); ok {
			journals[n] = true
		}
	}
	var out []string
	for _, e := range entries {
		n, ok := strings.CutSuffix(e.Name(), bodyExt)
		if _, live := d.Live(n); ok && !live && !journals[n] {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Unread tells whether a file was here when the folder was opened and has not been
// found whole, or filled, since: its bytes may have rotted meanwhile.
func (d *Dir) Unread(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.unread[name]
}

// Read notes that a file was examined and found whole.
func (d *Dir) Read(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.unread, name)
}
