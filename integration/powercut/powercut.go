package powercut

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/live-recording/liverecord/integration/faultfs"
)

// Options of a disk.
type Options struct {
	// FS is ext4 (the default) or xfs.
	FS string
	// Size in bytes; 0 = as small as mkfs accepts.
	Size int64
	// Chance decides what a cut leaves; nil = a fixed sequence.
	Chance *rand.Rand
	// Scratch is a folder for the image; "" = a temporary one.
	Scratch string
}

// Disk is a mounted disk. Its methods are for one goroutine.
type Disk struct {
	dir, served string
	scratch     string
	o           Options
	m           *image
	server      *fuse.Server
	loop        string
	mounted     bool
	repaired    bool
}

// New makes a file system on a disk of its own and mounts it at dir until the
// test ends.
func New(t faultfs.T, dir string, o Options) *Disk {
	t.Helper()
	faultfs.Need(t, Missing())
	d, err := Open(dir, o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Fatalf("%v", err)
		}
	})
	return d
}

// Open is New outside of a test. The caller closes the disk.
func Open(dir string, o Options) (_ *Disk, err error) {
	if o.FS == "" {
		o.FS = "ext4"
	}
	if o.Chance == nil {
		o.Chance = rand.New(rand.NewPCG(1, 1))
	}
	d := &Disk{dir: dir, o: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err = os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if d.scratch, err = os.MkdirTemp(o.Scratch, "powercut"); err != nil {
		return nil, err
	}
	if err = d.start(max(o.Size, minSize)); err != nil {
		return nil, err
	}
	if err = d.attach(); err != nil {
		return nil, err
	}
	if err = d.format(); err != nil {
		return nil, err
	}
	if err = d.mount(); err != nil {
		return nil, err
	}
	d.mounted = true
	return d, nil
}

// start serves an empty image.
func (d *Disk) start(size int64) error {
	file, err := os.Create(filepath.Join(d.scratch, "image"))
	if err != nil {
		return err
	}
	d.m = &image{file: file, size: size, lied: map[int]bool{}, chance: d.o.Chance}
	if err := file.Truncate(size); err != nil {
		return err
	}
	d.served = filepath.Join(d.scratch, "served")
	if err := os.Mkdir(d.served, 0o700); err != nil {
		return err
	}
	d.server, err = serve(d.served, d.m)
	return err
}

// Dir is where the file system is mounted.
func (d *Disk) Dir() string { return d.dir }

// Cut switches the power off: no write and no flush is done or answered from now
// on, until Restart. Whoever uses the disk must be killed before that.
func (d *Disk) Cut() error { return d.m.off() }

// Release answers what hangs since Cut, without doing it. Call it when the
// processes that used the disk were sent SIGKILL: they can't end before.
func (d *Disk) Release() { d.m.gone() }

// Restart mounts what the disk holds after Cut. A file system that can't be
// mounted is repaired, as an operator would do; Repaired tells.
func (d *Disk) Restart() error {
	d.m.gone()
	if err := d.detach(); err != nil {
		return err
	}
	d.m.on()
	if err := d.attach(); err != nil {
		return err
	}
	err := d.mount()
	if err != nil {
		d.repaired = true
		if repair := d.repair(); repair != nil {
			return errors.Join(err, repair)
		}
		err = d.mount()
	}
	d.mounted = err == nil
	return err
}

// Repaired tells whether a file system ever had to be repaired.
func (d *Disk) Repaired() bool { return d.repaired }

// Counts returns how many writes and flushes the disk has seen.
func (d *Disk) Counts() (writes, flushes int) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	return d.m.writes, d.m.flushes
}

// Lie makes each flush a lie with that probability: it is answered, and what was
// written since the flush before it is lost at the next cut, as chance says.
// 0 makes an honest disk of it; lies that were told before still count.
func (d *Disk) Lie(probability float64) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.lie = probability
}

// FailReads makes bytes [off, off+n) of a file unreadable (EIO), as bad sectors
// are: until they are written again, or Heal. It drops the kernel's copy.
func (d *Disk) FailReads(path string, off, n int64) error {
	spans, err := extents(path, off, n)
	if err != nil {
		return err
	}
	if len(spans) == 0 {
		return fmt.Errorf("%s: no bytes on the disk at %d", path, off)
	}
	d.m.mu.Lock()
	d.m.bad = append(d.m.bad, spans...)
	d.m.mu.Unlock()
	return drop(path)
}

// Heal makes everything readable again.
func (d *Disk) Heal() {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.bad = nil
}

// Close takes everything down, also while something hangs. It can be called
// more than once.
func (d *Disk) Close() error {
	var errs []error
	if d.m != nil {
		d.m.gone()
	}
	errs = append(errs, d.detach())
	if d.server != nil {
		errs = append(errs, faultfs.Detach(d.served))
		d.server.Wait()
		d.server = nil
	}
	if d.m != nil {
		errs = append(errs, d.m.file.Close())
		d.m = nil
	}
	return errors.Join(append(errs, os.RemoveAll(d.scratch))...)
}
