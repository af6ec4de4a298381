//go:build linux

package local

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/storetest"
)

// A folder of the store is a mount of its own. The test runs again as a child that
// has mounts of its own, so that it needs no rights and leaves nothing behind.
func TestSubFolderIsAMount(t *testing.T) {
	const inside = "LIVERECORD_TEST_MOUNTS"
	if os.Getenv(inside) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSubFolderIsAMount$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	require.NoError(t, syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""))
	s := open(t)
	on := filepath.Join(s.Dir(), "disk")
	require.NoError(t, os.Mkdir(on, 0o700))
	require.NoError(t, syscall.Mount("tmpfs", on, "tmpfs", 0, ""))
	defer syscall.Unmount(on, syscall.MNT_DETACH) //nolint:errcheck // it goes with the child

	for _, body := range []int{1000, 200_000} { // copied, and filled in place
		whole := want(4096, body)
		if body == 1000 {
			whole = want(0, body)
		}
		for _, cutOff := range []bool{false, true} {
			grow(t, s, "g", 4096, body)
			r := Finish{Name: "g", Key: "disk/a/k.mp4", Room: 4096, Body: int64(body), Head: testHead}
			if cutOff { // of a call that was killed
				require.NoError(t, os.MkdirAll(filepath.Join(on, "a"), 0o700))
				source := hidden + "/" + growing + "g"
				if body == 1000 {
					source += rewritten
				}
				require.NoError(t, os.WriteFile(filepath.Join(s.Dir(), carried(source, r.Key)), whole[:500], 0o600))
			}
			for range 2 {
				got, err := s.Finish(t.Context(), r)
				require.NoError(t, err)
				require.Equal(t, int64(len(whole)), got.Size)
			}
			stored, err := os.ReadFile(filepath.Join(on, "a/k.mp4"))
			require.NoError(t, err)
			require.True(t, bytes.Equal(whole, stored))
			require.NoError(t, s.Discard("g"))
			grow(t, s, "g", 4096, body+1)
			r.Body++
			_, err = s.Finish(t.Context(), r)
			require.ErrorIs(t, err, ErrExist)
			require.NoError(t, s.Discard("g"))
			names, err := os.ReadDir(filepath.Join(on, "a"))
			require.NoError(t, err)
			require.Len(t, names, 1, "no temporary file is left")
			require.NoError(t, s.Delete(t.Context(), "disk/a/k.mp4"))
		}
	}
	for range 2 {
		text := string(storetest.Bytes(3000, 1))
		got, err := s.Put(t.Context(), store.Object{Key: "disk/k.m3u8"}, strings.NewReader(text), int64(len(text)))
		require.NoError(t, err)
		require.Equal(t, int64(len(text)), got.Size)
	}
	names, err := os.ReadDir(on)
	require.NoError(t, err)
	require.Len(t, names, 1)
	left, err := os.ReadDir(filepath.Join(s.Dir(), hidden))
	require.NoError(t, err)
	require.Empty(t, left)
}

// Errors that no retry heals say so, with a remedy.
func TestHopelessErrors(t *testing.T) {
	s := open(t)
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(s.Dir(), "out")))
	grow(t, s, "g", 4096, 100)
	_, err := s.Finish(t.Context(), Finish{Name: "g", Key: "out/x", Room: 4096, Body: 100, Head: testHead})
	require.Equal(t, store.KindPermanent, store.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "symbolic link")
	for _, e := range []error{syscall.EFBIG, syscall.EINVAL, syscall.ELOOP, syscall.EISDIR, syscall.EOPNOTSUPP, syscall.EROFS, syscall.EACCES} {
		err := s.fail("finish", "k", &os.PathError{Op: "open", Path: "k", Err: e})
		require.Equal(t, store.KindPermanent, store.KindOf(err), "%v", e)
		require.ErrorContains(t, err, "(", "%v has no remedy", e)
	}
	for _, e := range []error{syscall.EIO, syscall.ENOSPC, syscall.ESTALE, syscall.ENXIO} {
		require.Equal(t, store.KindTemporary, store.KindOf(s.fail("finish", "k", e)), "%v", e)
	}
}

// Where files have one name only, a note proves that what was moved is ours.
func TestMovedFileIsKnownByItsNote(t *testing.T) {
	s := open(t)
	grow(t, s, "g", 0, 5000)
	p := hidden + "/" + growing + "g"
	require.NoError(t, s.bearWitness(t.Context(), p, p, "a.aac"))
	require.NoError(t, os.Rename(filepath.Join(s.Dir(), p), filepath.Join(s.Dir(), "a.aac")))
	none := func(int64) ([]byte, []byte, error) { return nil, nil, nil }
	for range 2 {
		_, err := s.Finish(t.Context(), Finish{Name: "g", Key: "a.aac", Body: 5000, Head: none})
		require.NoError(t, err)
		_, err = s.Placed(t.Context(), "g", "a.aac")
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir(), "a.aac"), []byte("foreign"), 0o600))
	_, err := s.Finish(t.Context(), Finish{Name: "g", Key: "a.aac", Body: 5000, Head: none})
	require.Equal(t, store.KindNotFound, store.KindOf(err))
	_, err = s.Placed(t.Context(), "g", "a.aac")
	require.Equal(t, store.KindNotFound, store.KindOf(err))
}

// A copy that is left of a stored file goes at the next start; one whose bytes have
// no other name stays.
func TestLeftOversAreRemoved(t *testing.T) {
	s := open(t)
	grow(t, s, "g.body", 4096, 1000)
	_, err := s.Finish(t.Context(), Finish{Name: "g.body", Key: "k.mp4", Room: 4096, Body: 1000, Head: testHead})
	require.NoError(t, err)
	p := filepath.Join(s.Dir(), hidden, growing+"g.body")
	require.NoError(t, os.Remove(p))
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir(), hidden, growing+"h.body"+rewritten), []byte("x"), 0o600))
	require.NoError(t, s.prepare())
	require.NoFileExists(t, p+rewritten)
	require.FileExists(t, filepath.Join(s.Dir(), hidden, growing+"h.body"+rewritten))
	require.FileExists(t, filepath.Join(s.Dir(), "k.mp4"))
}
