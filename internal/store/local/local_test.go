package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/storetest"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := New(config.Store{Name: "local", Dir: filepath.Join(t.TempDir(), "recordings"), BaseURL: "http://127.0.0.1:9995/recordings/"}, 0)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSuite(t *testing.T) {
	s := open(t)
	server := httptest.NewServer(http.StripPrefix("/recordings/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := s.Open(r.Context(), r.URL.Path)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close()
		io.Copy(w, f)
	})))
	defer server.Close()
	s.baseURL = server.URL + "/recordings"
	storetest.Objects(t, s, func(t *testing.T, address string) []byte {
		resp, err := http.Get(address)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return body
	})
	entries, err := os.ReadDir(s.Dir())
	require.NoError(t, err)
	require.Len(t, entries, 1, "Delete leaves no empty folder")
	require.Equal(t, hidden, entries[0].Name())
	entries, err = os.ReadDir(filepath.Join(s.Dir(), hidden))
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestRights(t *testing.T) {
	s := open(t)
	_, err := s.Put(t.Context(), store.Object{Key: "a/b/c"}, strings.NewReader("x"), 1)
	require.NoError(t, err)
	grow(t, s, "g", 4096, 100)
	err = filepath.WalkDir(s.Dir(), func(p string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		if d.IsDir() {
			require.Equal(t, fs.FileMode(0o700), info.Mode().Perm(), p)
		} else {
			require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), p)
		}
		return nil
	})
	require.NoError(t, err)
}

func TestKeysThatAreNone(t *testing.T) {
	s := open(t)
	for _, key := range []string{"", ".", "/", "/etc/x", "../x", "a/../../x", "a//b", "a/", hidden + "/x", ".LiveRecord/x", "a\x00b"} {
		_, err := s.Put(t.Context(), store.Object{Key: key}, strings.NewReader("x"), 1)
		require.Equal(t, store.KindPermanent, store.KindOf(err), "%q", key)
		require.Equal(t, store.KindPermanent, store.KindOf(s.Delete(t.Context(), key)), "%q", key)
		_, err = s.Finish(t.Context(), Finish{Name: "x", Key: key})
		require.Equal(t, store.KindPermanent, store.KindOf(err), "%q", key)
	}
	for _, name := range []string{"", "a/b", "..\\x", "a\x00"} {
		_, err := s.Create(name)
		require.Error(t, err, "%q", name)
	}
}

func TestLinksLeadNowhere(t *testing.T) {
	s := open(t)
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(s.Dir(), "out")))
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(s.Dir(), "file")))
	_, err := s.Put(t.Context(), store.Object{Key: "out/x"}, strings.NewReader("x"), 1)
	require.Error(t, err)
	_, err = s.Get(t.Context(), "out/secret")
	require.Error(t, err)
	_, err = s.Get(t.Context(), "file")
	require.Equal(t, store.KindNotFound, store.KindOf(err))
	require.NoError(t, s.Delete(t.Context(), "file"))
	require.Error(t, s.Delete(t.Context(), "out/secret"))
	grow(t, s, "g", 4096, 100)
	_, err = s.Finish(t.Context(), Finish{Name: "g", Key: "out/x", Room: 4096, Body: 100, Head: testHead})
	require.Error(t, err)
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Len(t, left, 1)
	_, err = os.Lstat(filepath.Join(s.Dir(), "file"))
	require.NoError(t, err, "what is not ours stays")
}

func TestDeleteKeepsWhatIsNotOurs(t *testing.T) {
	s := open(t)
	_, err := s.Put(t.Context(), store.Object{Key: "a/b/c"}, strings.NewReader("x"), 1)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir(), "a", "note.txt"), nil, 0o600))
	require.NoError(t, s.Delete(t.Context(), "a/b/c"))
	require.NoFileExists(t, filepath.Join(s.Dir(), "a", "b"))
	require.FileExists(t, filepath.Join(s.Dir(), "a", "note.txt"))
	require.NoError(t, s.Delete(t.Context(), "a"), "a folder is no object")
	require.DirExists(t, filepath.Join(s.Dir(), "a"))
}

func TestRoom(t *testing.T) {
	require.Equal(t, int64(maxRoom), Room(0))
	require.Equal(t, int64(maxRoom), Room(24*time.Hour))
	require.Equal(t, int64(64<<10+1800<<10), Room(30*time.Minute))
	for d := time.Millisecond; d < 20*time.Hour; d = d*3/2 + time.Millisecond {
		room := Room(d)
		require.Zero(t, room%4096)
		require.LessOrEqual(t, room, int64(maxRoom))
		require.GreaterOrEqual(t, room, min(int64(minRoom+d.Seconds()*1024), maxRoom))
	}
}

// testHead is a head of 100 bytes and a tail, or one that fills the room.
func testHead(room int64) (front, back []byte, err error) {
	if room == 0 {
		return bytes.Repeat([]byte("h"), 100), []byte("tail"), nil
	}
	return bytes.Repeat([]byte("H"), int(room)), []byte("TAIL"), nil
}

// grow makes a growing file with a body and some torn bytes behind it.
func grow(t *testing.T, s *Store, name string, room int64, body int) {
	t.Helper()
	f, err := s.Create(name)
	require.NoError(t, err)
	_, err = f.WriteAt(append(storetest.Bytes(body, 9), "torn"...), room)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func want(room int64, body int) []byte {
	front, back, _ := testHead(room)
	return append(append(front, storetest.Bytes(body, 9)...), back...)
}

func TestFinish(t *testing.T) {
	for name, c := range map[string]struct {
		room   int64
		body   int
		copied bool
	}{
		"short":   {8192, 1000, true},
		"empty":   {8192, 0, true},
		"border":  {8192, 16*8192 - 1, true},
		"long":    {8192, 16 * 8192, false},
		"longer":  {4096, 1 << 20, false},
		"no room": {0, 5000, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			grow(t, s, "rec-1", c.room, c.body)
			before, err := os.Stat(filepath.Join(s.Dir(), hidden, growing+"rec-1"))
			require.NoError(t, err)
			r := Finish{Name: "rec-1", Key: "live/a/b.mp4", Room: c.room, Body: int64(c.body), Head: testHead}
			whole := want(c.room, c.body)
			if c.copied {
				whole = want(0, c.body)
			}
			for range 3 { // again: an earlier call did it all
				got, err := s.Finish(t.Context(), r)
				require.NoError(t, err)
				require.Equal(t, int64(len(whole)), got.Size)
				stored, err := os.ReadFile(filepath.Join(s.Dir(), "live/a/b.mp4"))
				require.NoError(t, err)
				require.True(t, bytes.Equal(whole, stored))
			}
			after, err := os.Stat(filepath.Join(s.Dir(), "live/a/b.mp4"))
			require.NoError(t, err)
			require.Equal(t, !c.copied, os.SameFile(before, after), "a long body is not copied")
			require.NoError(t, s.Discard("rec-1"))
			require.Empty(t, growingNames(t, s))
			_, err = s.Finish(t.Context(), r)
			require.NoError(t, err, "its head proves that the object is ours")
		})
	}
}

func TestFinishWithoutHead(t *testing.T) {
	s := open(t)
	grow(t, s, "g", 0, 5000)
	before, err := os.Stat(filepath.Join(s.Dir(), hidden, growing+"g"))
	require.NoError(t, err)
	_, err = s.Finish(t.Context(), Finish{Name: "g", Key: "a.ts", Body: 5000, Head: func(int64) ([]byte, []byte, error) { return nil, nil, nil }})
	require.NoError(t, err)
	after, err := os.Stat(filepath.Join(s.Dir(), "a.ts"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "nothing is copied")
	require.Equal(t, int64(5000), after.Size())
}

func TestFinishNeverOverwrites(t *testing.T) {
	s := open(t)
	_, err := s.Put(t.Context(), store.Object{Key: "k.mp4"}, strings.NewReader("first"), 5)
	require.NoError(t, err)
	for _, body := range []int{100, 100_000} {
		grow(t, s, "g", 4096, body)
		r := Finish{Name: "g", Key: "k.mp4", Room: 4096, Body: int64(body), Head: testHead}
		_, err = s.Finish(t.Context(), r)
		require.ErrorIs(t, err, ErrExist)
		r.Key = "k.mp4/below"
		_, err = s.Finish(t.Context(), r)
		require.ErrorIs(t, err, ErrExist)
		r.Key = fmt.Sprintf("k-%d.mp4", body)
		_, err = s.Finish(t.Context(), r)
		require.NoError(t, err)
		require.NoError(t, s.Discard("g"))
	}
	stored, err := os.ReadFile(filepath.Join(s.Dir(), "k.mp4"))
	require.NoError(t, err)
	require.Equal(t, "first", string(stored))
	_, err = s.Finish(t.Context(), Finish{Name: "g", Key: "unknown", Head: testHead})
	require.Equal(t, store.KindNotFound, store.KindOf(err))
}

// TestFinishAfterACrash builds every state that a crash can leave and calls
// Finish again.
func TestFinishAfterACrash(t *testing.T) {
	const key = "d/k.mp4"
	for _, body := range []int{1000, 200_000} {
		whole := want(4096, body)
		if body == 1000 {
			whole = want(0, body)
		}
		states := map[string]func(t *testing.T, s *Store, p, fin, object string){
			"head half written": func(t *testing.T, _ *Store, p, _, _ string) {
				f, err := os.OpenFile(p, os.O_RDWR, 0)
				require.NoError(t, err)
				_, err = f.WriteAt(bytes.Repeat([]byte("H"), 2000), 0)
				require.NoError(t, err)
				require.NoError(t, f.Close())
			},
			"copy half written": func(t *testing.T, _ *Store, _, fin, _ string) {
				require.NoError(t, os.WriteFile(fin, whole[:len(whole)/2], 0o600))
			},
			"linked": func(t *testing.T, s *Store, p, fin, object string) {
				source := p
				if body == 1000 {
					source = fin
				}
				require.NoError(t, os.WriteFile(source, whole, 0o600))
				require.NoError(t, s.mkdirs("d"))
				require.NoError(t, os.Link(source, object))
			},
			"linked, first name removed": func(t *testing.T, s *Store, p, fin, object string) {
				require.NoError(t, os.Remove(p))
				require.NoError(t, s.mkdirs("d"))
				require.NoError(t, os.WriteFile(object, whole, 0o600))
				if body == 1000 {
					require.NoError(t, os.Link(object, fin))
				}
			},
			"moved to the copy, not yet placed": func(t *testing.T, _ *Store, p, fin, _ string) {
				require.NoError(t, os.WriteFile(fin, whole, 0o600))
				require.NoError(t, os.Remove(p))
			},
		}
		for name, make := range states {
			t.Run(fmt.Sprintf("%s, body %d", name, body), func(t *testing.T) {
				s := open(t)
				grow(t, s, "g", 4096, body)
				p := filepath.Join(s.Dir(), hidden, growing+"g")
				object := filepath.Join(s.Dir(), key)
				make(t, s, p, p+rewritten, object)
				_, err := s.Finish(t.Context(), Finish{Name: "g", Key: key, Room: 4096, Body: int64(body), Head: testHead})
				require.NoError(t, err)
				stored, err := os.ReadFile(object)
				require.NoError(t, err)
				require.True(t, bytes.Equal(whole, stored))
				require.NoError(t, s.Discard("g"))
				left, err := os.ReadDir(filepath.Join(s.Dir(), hidden))
				require.NoError(t, err)
				require.Empty(t, left)
			})
		}
	}
}

func TestFinishPassesErrorsOn(t *testing.T) {
	s := open(t)
	grow(t, s, "g", 4096, 200_000)
	bad := errors.New("no journal")
	r := Finish{Name: "g", Key: "k", Room: 4096, Body: 200_000, Head: func(int64) ([]byte, []byte, error) { return nil, nil, bad }}
	_, err := s.Finish(t.Context(), r)
	require.ErrorIs(t, err, bad)
	r.Head = func(room int64) ([]byte, []byte, error) { return make([]byte, room-1), nil, nil }
	_, err = s.Finish(t.Context(), r)
	require.ErrorContains(t, err, "4095")
	r.Head, r.Body = testHead, 1<<30
	_, err = s.Finish(t.Context(), r)
	require.ErrorContains(t, err, "growing file has")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.Body = 10
	_, err = s.Finish(ctx, r)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"g"}, growingNames(t, s))
	require.NoError(t, s.Discard("g"))
	require.NoError(t, s.Discard("g"))
}

func TestReplaceIsAtomic(t *testing.T) {
	s := open(t)
	a, b := bytes.Repeat([]byte("a"), 50_000), bytes.Repeat([]byte("b"), 70_000)
	put := func(body []byte) {
		_, err := s.Put(t.Context(), store.Object{Key: "list.m3u8"}, bytes.NewReader(body), int64(len(body)))
		require.NoError(t, err)
	}
	put(a)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			put(b)
			put(a)
		}
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		f, err := s.Open(t.Context(), "list.m3u8")
		require.NoError(t, err)
		got, err := io.ReadAll(f)
		require.NoError(t, err)
		f.Close()
		require.True(t, bytes.Equal(a, got) || bytes.Equal(b, got), "a mix of %d bytes", len(got))
	}
}

func TestMinFree(t *testing.T) {
	s := open(t)
	free, err := s.Free()
	require.NoError(t, err)
	s.minFree = free * 2
	_, err = s.Put(t.Context(), store.Object{Key: "k"}, strings.NewReader("x"), 1)
	require.Equal(t, store.KindTemporary, store.KindOf(err))
	require.ErrorContains(t, err, "DiskFull")
	_, err = s.Create("g")
	require.ErrorContains(t, err, "DiskFull")
	findings := s.Diagnose(t.Context())
	require.False(t, findings[len(findings)-1].OK)
	require.NotEmpty(t, findings[len(findings)-1].Remedy)
}

func TestDiagnose(t *testing.T) {
	s := open(t)
	for _, f := range s.Diagnose(t.Context()) {
		require.True(t, f.OK, "%+v", f)
	}
	left, err := os.ReadDir(s.Dir())
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestOldTemporaryFilesGo(t *testing.T) {
	s := open(t)
	old := filepath.Join(s.Dir(), hidden, tmpPrefix+"old")
	fresh := filepath.Join(s.Dir(), hidden, tmpPrefix+"new")
	require.NoError(t, os.WriteFile(old, nil, 0o600))
	require.NoError(t, os.WriteFile(fresh, nil, 0o600))
	require.NoError(t, os.Chtimes(old, time.Time{}, time.Now().Add(-2*time.Hour)))
	grow(t, s, "g", 0, 10)
	again, err := New(config.Store{Dir: s.Dir()}, 0)
	require.NoError(t, err)
	defer again.Close()
	require.NoFileExists(t, old)
	require.FileExists(t, fresh)
	require.Equal(t, []string{"g"}, growingNames(t, again))
}

// growingNames lists what grows in a store.
func growingNames(t *testing.T, s *Store) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(s.GrowDir())
	require.NoError(t, err)
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name(), growing); ok && !strings.HasSuffix(name, rewritten) {
			names = append(names, name)
		}
	}
	return names
}

func TestSignedLinks(t *testing.T) {
	s := open(t)
	secret, now := []byte("secret"), time.Unix(1_800_000_000, 0)
	key := "live/a b%/ü.mp4"
	u, err := url.Parse(s.SignedURL(key, now.Add(time.Hour), secret))
	require.NoError(t, err)
	require.Equal(t, "/recordings/"+key, u.Path)
	require.NoError(t, Verify(key, u.Query(), secret, now))
	require.ErrorIs(t, Verify(key, u.Query(), secret, now.Add(2*time.Hour)), ErrExpired)
	require.ErrorIs(t, Verify(key+"x", u.Query(), secret, now), ErrBadSignature)
	require.ErrorIs(t, Verify(key, u.Query(), []byte("other"), now), ErrBadSignature)
	longer := u.Query()
	longer.Set("expires", "1900000000")
	require.ErrorIs(t, Verify(key, longer, secret, now), ErrBadSignature)
	require.ErrorIs(t, Verify(key, nil, secret, now), ErrBadSignature)
}
