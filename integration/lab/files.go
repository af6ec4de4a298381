package lab

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/live-recording/liverecord/integration/cosserver"
)

// Recordings is the folder of the local store.
func (s *Server) Recordings() string { return filepath.Join(s.Dir, "data", "recordings") }

// Files lists the finished files of the local store, below its folder, sorted.
func (s *Server) Files(t T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(s.Recordings(), func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() {
			name, err := filepath.Rel(s.Recordings(), path)
			if err != nil {
				return err
			}
			out = append(out, name)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	slices.Sort(out)
	return out
}

// Path is the path of a file that Files named.
func (s *Server) Path(name string) string { return filepath.Join(s.Recordings(), name) }

// Paths are the paths of files that Files named.
func (s *Server) Paths(names []string) (paths []string) {
	for _, n := range names {
		paths = append(paths, s.Path(n))
	}
	return paths
}

// WaitFiles waits until all recordings are over and n files are stored, and
// returns them.
func (s *Server) WaitFiles(t T, n int) []string {
	t.Helper()
	var files []string
	Eventually(t, fmt.Sprintf("%d files in the local store", n), func() bool {
		files = s.Files(t)
		return len(files) >= n && s.idle(t)
	})
	if len(files) != n {
		t.Fatalf("%d files in the local store, want %d:\n%s", len(files), n, strings.Join(files, "\n"))
	}
	return files
}

// WaitStream waits until a path's recordings are over and n files of it with
// that extension are stored, and returns their paths.
func (s *Server) WaitStream(t T, path, ext string, n int) []string {
	t.Helper()
	s.WaitLog(t, "the recording has ended", "path="+path+" ")
	var files []string
	Eventually(t, fmt.Sprintf("%d files *%s of %s", n, ext, path), func() bool {
		files = files[:0]
		for _, f := range s.Files(t) {
			if strings.Contains(f, "/"+path+"/") && strings.HasSuffix(f, ext) && !strings.Contains(f, "/init") {
				files = append(files, s.Path(f))
			}
		}
		return len(files) >= n
	})
	if len(files) != n {
		t.Fatalf("%d files *%s of %s, want %d:\n%s", len(files), ext, path, n, strings.Join(files, "\n"))
	}
	return files
}

// idle tells whether nothing is being recorded or on its way to a store.
func (s *Server) idle(t T) bool {
	t.Helper()
	for _, dir := range []string{filepath.Join(s.Dir, "data", "spool"), filepath.Join(s.Recordings(), ".liverecord")} {
		entries, err := os.ReadDir(dir)
		if err != nil && !os.IsNotExist(err) {
			t.Fatalf("%v", err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "grow-") {
				return false
			}
		}
	}
	return true
}

// StartCOS starts a COS server that ends with the test.
func StartCOS(t T, o cosserver.Options) *cosserver.Server {
	t.Helper()
	c, err := cosserver.New(o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := c.Start(""); err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// WaitObjects waits until the bucket holds n objects and no open upload, and
// returns their keys, sorted.
func WaitObjects(t T, c *cosserver.Server, n int) []string {
	t.Helper()
	var keys []string
	Eventually(t, fmt.Sprintf("%d objects in the bucket", n), func() bool {
		keys = keys[:0]
		for k := range c.Objects() {
			keys = append(keys, k)
		}
		return len(keys) >= n && len(c.OpenUploads()) == 0
	})
	if len(keys) != n {
		t.Fatalf("%d objects in the bucket, want %d:\n%s", len(keys), n, strings.Join(keys, "\n"))
	}
	slices.Sort(keys)
	return keys
}

// Download copies an object to a file.
func Download(t T, c *cosserver.Server, key string) string {
	t.Helper()
	r, ok := c.Open(key)
	if !ok {
		t.Fatalf("no object %q", key)
	}
	defer r.Close()
	path := filepath.Join(t.TempDir(), "object"+filepath.Ext(key))
	f, err := os.Create(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		t.Fatalf("%v", err)
	}
	return path
}
