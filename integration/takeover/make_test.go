package takeover

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

var name = flag.String("make", "", "make the fixture of that name with the server that LIVERECORD_SERVER names")

// TestMake makes a fixture: publications run, uploads are under way, one store
// is away, nobody takes events, and the server is killed.
func TestMake(t *testing.T) {
	if *name == "" {
		t.Skip("only with -make NAME")
	}
	dir := t.TempDir()
	src := source.Make(t)
	s, c := start(t, dir)
	var pushes []*lab.Push
	for _, stream := range []string{"finish", "other", "wait"} {
		pushes = append(pushes, s.Publish(t, src, s.RTMP("live/"+stream)))
	}
	ended := s.Publish(t, src, s.RTMP("live/ended"), "-t", "6")
	time.Sleep(5 * time.Second)
	c.SetOutage(true)
	ended.Wait(t)
	time.Sleep(5 * time.Second)
	if len(c.OpenUploads()) < 3 {
		t.Fatalf("%d uploads are under way, too few", len(c.OpenUploads()))
	}
	s.Kill(t)
	for _, p := range pushes {
		p.Cut()
	}
	c.Close()
	copyFile(t, src, filepath.Join(dir, "source.mp4"))
	pack(t, dir, filepath.Join("testdata", *name+".tar.gz"))
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// pack writes a folder into an archive; what names this run's ports stays out.
func pack(t *testing.T, dir, archive string) {
	t.Helper()
	out, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".yml") {
			return err
		}
		return packOne(w, dir, path)
	})
	for _, c := range []io.Closer{w, z, out} {
		if e := c.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func packOne(w *tar.Writer, dir, path string) error {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: rel, Mode: 0o600, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// unpack lays a fixture into a new folder.
func unpack(t *testing.T, archive string) (dir string) {
	t.Helper()
	in, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err == nil {
			err = unpackOne(r, filepath.Join(dir, filepath.FromSlash(h.Name)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func unpackOne(r io.Reader, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
