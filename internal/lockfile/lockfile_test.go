package lockfile

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.lock")
	if who, err := Holder(path); who != "" || err != nil {
		t.Fatal(who, err)
	}
	l, err := Acquire(path, "mediamtx, pid 42")
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := Acquire(path, "another"); !errors.As(err, &held) || held.Holder != "mediamtx, pid 42" {
		t.Fatal(err)
	}
	if who, err := Holder(path); who != "mediamtx, pid 42" || err != nil {
		t.Fatal(who, err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if who, err := Holder(path); who != "" || err != nil {
		t.Fatal(who, err)
	}
	l, err = Acquire(path, "another")
	if err != nil {
		t.Fatal(err)
	}
	if who, _ := Holder(path); who != "another" {
		t.Errorf("held by %q", who)
	}
	if err := errors.Join(l.Release(), (*Lock)(nil).Release()); err != nil {
		t.Error(err)
	}
}
