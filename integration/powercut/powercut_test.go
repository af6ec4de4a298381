package powercut_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/live-recording/liverecord/integration/powercut"
)

func write(t *testing.T, path string, data []byte, sync bool) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if !sync {
		return
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func each(t *testing.T, test func(t *testing.T, d *powercut.Disk)) {
	for _, fs := range []string{"ext4", "xfs"} {
		t.Run(fs, func(t *testing.T) {
			test(t, powercut.New(t, filepath.Join(t.TempDir(), "mnt"), powercut.Options{FS: fs, Chance: rand.New(rand.NewPCG(1, 2))}))
		})
	}
}

// What was synced is there after a cut, what was only written is not.
func TestCut(t *testing.T) {
	each(t, func(t *testing.T, d *powercut.Disk) {
		data := bytes.Repeat([]byte("media"), 100000)
		for i := range 3 {
			synced, lost := fmt.Sprintf("%s/synced%d", d.Dir(), i), fmt.Sprintf("%s/lost%d", d.Dir(), i)
			write(t, synced, data, true)
			write(t, lost, data, false)
			do(t, d.Cut())
			do(t, d.Restart())
			if got, err := os.ReadFile(synced); err != nil || !bytes.Equal(got, data) {
				t.Errorf("what was synced: %d bytes, %v", len(got), err)
			}
			if got, err := os.ReadFile(lost); err == nil && bytes.Equal(got, data) {
				t.Error("what was never synced survived the cut")
			}
		}
		writes, flushes := d.Counts()
		if writes == 0 || flushes == 0 || d.Repaired() {
			t.Errorf("%d writes, %d flushes, repaired: %v", writes, flushes, d.Repaired())
		}
	})
}

// A disk that lies loses what was synced.
func TestLie(t *testing.T) {
	each(t, func(t *testing.T, d *powercut.Disk) {
		data := bytes.Repeat([]byte("media"), 100000)
		write(t, d.Dir()+"/before", data, true)
		d.Lie(1)
		write(t, d.Dir()+"/lied", data, true)
		d.Lie(0)
		do(t, d.Cut())
		do(t, d.Restart())
		if got, err := os.ReadFile(d.Dir() + "/before"); err != nil || !bytes.Equal(got, data) {
			t.Errorf("what was synced before: %d bytes, %v", len(got), err)
		}
		if got, err := os.ReadFile(d.Dir() + "/lied"); err == nil && bytes.Equal(got, data) {
			t.Error("a flush that was a lie kept everything")
		}
	})
}

// Bad sectors can't be read until they are written again.
func TestFailReads(t *testing.T) {
	each(t, func(t *testing.T, d *powercut.Disk) {
		path := d.Dir() + "/x.body"
		write(t, path, bytes.Repeat([]byte("media"), 100000), true)
		do(t, d.FailReads(path, 40960, 4096))
		if _, err := os.ReadFile(path); !errors.Is(err, syscall.EIO) {
			t.Errorf("reading all: %v", err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		do(t, err)
		defer f.Close()
		_, err = f.ReadAt(make([]byte, 4096), 8192)
		do(t, err)
		_, err = f.WriteAt(make([]byte, 4096), 40960)
		do(t, err)
		do(t, f.Sync())
		if _, err := os.ReadFile(path); err != nil {
			t.Errorf("after it was written again: %v", err)
		}
	})
}

// Whoever writes when the power fails gets no answer, and the disk can be taken
// away all the same.
func TestNoAnswerAfterACut(t *testing.T) {
	each(t, func(t *testing.T, d *powercut.Disk) {
		write(t, d.Dir()+"/x", []byte("x"), true)
		do(t, d.Cut())
		done := make(chan error, 1)
		go func() {
			f, err := os.Create(d.Dir() + "/y")
			if err == nil {
				err = errors.Join(f.Sync(), f.Close())
			}
			done <- err
		}()
		select {
		case err := <-done:
			t.Fatalf("a sync without power was answered: %v", err)
		default:
		}
		d.Release()
		<-done
		do(t, d.Restart())
		if _, err := os.Stat(d.Dir() + "/y"); err == nil {
			t.Error("what was written without power is there")
		}
	})
}

func TestRot(t *testing.T) {
	path, chance := filepath.Join(t.TempDir(), "x.body"), rand.New(rand.NewPCG(1, 1))
	data := bytes.Repeat([]byte("media"), 1000)
	for range 100 {
		write(t, path, data, false)
		what, err := powercut.Rot(path, chance)
		do(t, err)
		got, err := os.ReadFile(path)
		do(t, err)
		if len(got) != len(data) || bytes.Equal(got, data) {
			t.Fatalf("%s: %d bytes", what, len(got))
		}
	}
}
