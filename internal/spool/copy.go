package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// newExt is the suffix of a copy that is being made.
const newExt = ".new"

// replace puts a copy of a body or journal in the place of the file, and returns
// the copy, open. Holes stay holes; pages that the disk can't read become zeros.
// With aside the file itself is kept under a name that ends in .bad: the disk may
// read those pages again. Without, it lives on under the other name that it has.
func (d *Dir) replace(name, ext string, old *os.File, size int64, aside bool) (*os.File, error) {
	out, err := d.root.OpenFile(name+ext+newExt, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = copyReadable(out, old, size)
	if err == nil {
		err = out.Sync()
	}
	if err == nil && aside {
		// A crash between the two renames is put right by openPart.
		err = d.root.Rename(name+ext, name+ext+d.freeSuffix(name))
	}
	if err == nil {
		err = d.root.Rename(name+ext+newExt, name+ext)
	}
	if err == nil {
		err = d.handle.Sync()
	}
	if err != nil {
		return nil, fmt.Errorf("copying what can be read of %s: %w", name+ext, errors.Join(err, out.Close()))
	}
	if aside {
		d.countAsides()
	}
	return out, nil
}

// copyReadable copies the first size bytes of a file, without its holes.
func copyReadable(out, in *os.File, size int64) error {
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; {
		from, to, err := data(in, off, size)
		if err != nil {
			return err
		}
		for off = from; off < to; {
			p := buf[:min(to-off, int64(len(buf)))]
			if _, err := readPages(in, p, off); err != nil {
				return err
			}
			if _, err := out.WriteAt(p, off); err != nil {
				return err
			}
			off += int64(len(p))
		}
	}
	return out.Truncate(size)
}

// data finds the next range of a file from off on that is no hole; it is empty, at
// size, if there is none. Where the file system can't tell, all is data.
func data(f *os.File, off, size int64) (from, to int64, err error) {
	err = withFD(f, func(fd int) error {
		if from, err = unix.Seek(fd, off, unix.SEEK_DATA); err != nil {
			return err
		}
		to, err = unix.Seek(fd, from, unix.SEEK_HOLE)
		return err
	})
	switch {
	case errors.Is(err, unix.ENXIO):
		return size, size, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return off, size, nil
	case err != nil:
		return 0, 0, &os.PathError{Op: "seek", Path: f.Name(), Err: err}
	}
	return min(from, size), min(to, size), nil
}

// openPart opens a body or a journal. One that is missing, while there is a copy of
// it, was set aside in the instant of a crash, see replace.
func (d *Dir) openPart(name, ext string, flag int) (*os.File, error) {
	f, err := d.root.OpenFile(name+ext, flag, 0)
	if !errors.Is(err, os.ErrNotExist) {
		return f, err
	}
	if d.root.Rename(name+ext+newExt, name+ext) != nil {
		return nil, err
	}
	return d.root.OpenFile(name+ext, flag, 0)
}

// linked tells whether a file has another name: it is an object of the local store
// already, whose bytes are not ours to change.
func linked(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink > 1, nil
}

// keepRanges copies what can be read of parts of a body, which are about to be
// overwritten or cut off, to the same places of a new file NAME.part.bad. They are
// on the disk when it returns; if it fails, nothing may be overwritten.
func (d *Dir) keepRanges(name string, body io.ReaderAt, parts ranges) error {
	out, err := d.newPart(name)
	if err != nil {
		return err
	}
	buf := make([]byte, window)
	for _, r := range parts {
		for off := r[0]; off < r[1] && err == nil; {
			p := buf[:min(r[1]-off, int64(len(buf)))]
			if _, err = readPages(body, p, off); err == nil {
				_, err = out.WriteAt(p, off)
			}
			off += int64(len(p))
		}
	}
	if err == nil {
		err = out.Sync()
	}
	if err == nil {
		err = d.handle.Sync()
	}
	if err != nil { // an incomplete copy is of no use
		return fmt.Errorf("keeping damaged parts of %s: %w", name, errors.Join(err, d.remove(filepath.Base(out.Name())), out.Close()))
	}
	d.countAsides()
	return out.Close()
}

// newPart creates a file for damaged parts.
func (d *Dir) newPart(name string) (*os.File, error) {
	for n := 1; ; n++ {
		f, err := d.root.OpenFile(name+partExt+badSuffix(n), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if !errors.Is(err, os.ErrExist) {
			return f, err
		}
	}
}

// Linked tells whether the body of a file has another name: it is an object of the
// local store already, and Open would go on with a copy.
func (d *Dir) Linked(name string) bool {
	f, err := d.root.Open(name + bodyExt)
	if err != nil {
		return false
	}
	defer f.Close()
	yes, err := linked(f)
	return err == nil && yes
}
