package spool

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// flush asks for one file to be synced.
type flush struct {
	f    *File
	done chan error
}

// flushLoop syncs files at their end. Those that end while it is busy share the
// next sync.
func (d *Dir) flushLoop() {
	defer d.leave()
	defer close(d.flushed)
	for {
		select {
		case first := <-d.flushes:
			d.flushAll(d.waiting(first))
		case <-d.quit:
			return
		}
	}
}

func (d *Dir) waiting(first flush) []flush {
	group := []flush{first}
	for {
		select {
		case x := <-d.flushes:
			group = append(group, x)
		default:
			return group
		}
	}
}

func (d *Dir) flushAll(group []flush) {
	if len(group) >= manyDirty {
		err := syncFS(d.handle)
		if err != nil {
			err = fmt.Errorf("sync: %w", err)
			files := make([]*File, len(group))
			for i, x := range group {
				files[i] = x.f
			}
			d.fell(err, files...)
		}
		for _, x := range group {
			x.done <- err
		}
		return
	}
	folder := d.syncNames(group)
	for _, x := range group {
		x.done <- errors.Join(x.f.Sync(), folder)
	}
}

// syncNames makes the names of new files durable.
func (d *Dir) syncNames(group []flush) error {
	fresh := false
	for _, x := range group {
		fresh = fresh || !x.f.named.Load()
	}
	if !fresh {
		return nil
	}
	if err := d.handle.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	for _, x := range group {
		x.f.named.Store(true)
	}
	return nil
}

// sync makes a file and its name survive a power loss, together with others.
// ErrHangs if the folder is being closed and the disk does not answer.
func (d *Dir) sync(f *File) error {
	x := flush{f, make(chan error, 1)}
	flushes, quit := d.flushes, d.quit
	var late <-chan time.Time
	for {
		select {
		case flushes <- x:
			flushes = nil
		case err := <-x.done:
			return err
		case <-d.flushed:
			select {
			case err := <-x.done:
				return err
			default:
				return d.alone(f)
			}
		case <-quit:
			quit, late = nil, time.After(closePatience)
		case <-late:
			return fmt.Errorf("%s: %w", d.path, ErrHangs)
		}
	}
}

// alone syncs a file after the folder was closed.
func (d *Dir) alone(f *File) error {
	err := f.Sync()
	if h, e := d.root.Open("."); e == nil {
		err = errors.Join(err, h.Sync(), h.Close())
	} else if !errors.Is(e, os.ErrClosed) {
		err = errors.Join(err, e)
	}
	return err
}
