package spool

import (
	"errors"
	"os"
)

// A sync that fails may mean that what was written since the last one is gone,
// although reading still finds it in memory; and the kernel tells of it once. So
// a failed sync ends the files that it concerned, as a failed write does, and
// they are suspect: what is stored of them has to be read back and checked
// against the journal. A new file must prove that the disk is well again.

// fell notes that a sync of these files failed.
func (d *Dir) fell(err error, files ...*File) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sick = err
	for _, f := range files {
		f.fault.Store(&err)
		d.suspect[f.name] = true
	}
}

// Sick is the error of the last sync, nil if it went well.
func (d *Dir) Sick() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sick
}

// well notes that the disk took and kept something.
func (d *Dir) well() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sick = nil
}

// Suspect tells whether a file may not be what was written to it.
func (d *Dir) Suspect(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.suspect[name]
}

// Distrust makes a file suspect: it could not be synced.
func (d *Dir) Distrust(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.suspect[name] = true
}

// probe looks whether a disk that failed is well, also if nobody records there.
func (d *Dir) probe() {
	const name = "probe.tmp"
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, err = f.Write(make([]byte, 4096))
	err = errors.Join(err, f.Sync(), f.Close(), d.root.Remove(name), d.handle.Sync())
	if err == nil {
		d.well()
	}
}

// prove syncs a new file on a disk that failed before.
func (d *Dir) prove(f *File) error {
	if d.Sick() == nil {
		return nil
	}
	err := f.Sync()
	if err == nil {
		err = d.handle.Sync()
	}
	if err == nil {
		d.well()
	}
	return err
}
