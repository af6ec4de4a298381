package cosserver

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

var crcTable = crc64.MakeTable(crc64.ECMA)

// blob is the bytes of one body, in memory or in a file. It never changes.
type blob struct {
	File string `json:",omitempty"` // name below blobs/
	Size int64
	CRC  uint64
	MD5  string
	mem  []byte
}

// object is what a key holds: the blobs one after the other.
type object struct {
	Key      string
	Blobs    []*blob
	Size     int64
	CRC      uint64
	ETag     string
	Header   http.Header // as given at Put or Initiate
	Tags     string      // as given in x-cos-tagging
	Modified time.Time
}

// upload is an open multipart upload.
type upload struct {
	ID, Key string
	Started time.Time
	Header  http.Header
	Tags    string
	Parts   map[int]*blob
}

// data is everything stored. With a dir, each object and upload has a JSON file
// there that is rewritten when it changes.
type data struct {
	dir string

	mu      sync.Mutex
	objects map[string]*object
	uploads map[string]*upload
}

func openData(dir string) (*data, error) {
	d := &data{dir: dir, objects: make(map[string]*object), uploads: make(map[string]*upload)}
	if dir == "" {
		return d, nil
	}
	for _, sub := range []string{"blobs", "objects", "uploads"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	err := errors.Join(
		loadAll(filepath.Join(dir, "objects"), func(o *object) { d.objects[o.Key] = o }),
		loadAll(filepath.Join(dir, "uploads"), func(u *upload) { d.uploads[u.ID] = u }),
	)
	return d, err
}

func loadAll[T any](dir string, add func(*T)) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		v := new(T)
		if err := json.Unmarshal(text, v); err != nil {
			return fmt.Errorf("%s: %w", e.Name(), err)
		}
		add(v)
	}
	return nil
}

// save writes v for a restart, or removes it if v is nil.
func (d *data) save(sub, id string, v any) {
	if d.dir == "" {
		return
	}
	sum := sha1.Sum([]byte(id))
	name := filepath.Join(d.dir, sub, hex.EncodeToString(sum[:])+".json")
	if v == nil {
		os.Remove(name)
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // only plain types in there
	}
	if os.WriteFile(name+".tmp", text, 0o600) == nil {
		os.Rename(name+".tmp", name) //nolint:errcheck // a test server: the next save tries again
	}
}

// writer collects a body into a blob.
type writer struct {
	d    *data
	b    *blob
	file *os.File
	md5  hash.Hash
}

func (d *data) newWriter(expect int64) (*writer, error) {
	w := &writer{d: d, b: &blob{}, md5: md5.New()}
	if d.dir == "" {
		w.b.mem = make([]byte, 0, min(max(expect, 0), 64<<20))
		return w, nil
	}
	w.b.File = rand.Text()
	f, err := os.OpenFile(w.d.path(w.b), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	w.file = f
	return w, err
}

func (w *writer) Write(p []byte) (int, error) {
	w.md5.Write(p)
	w.b.CRC = crc64.Update(w.b.CRC, crcTable, p)
	w.b.Size += int64(len(p))
	if w.file != nil {
		return w.file.Write(p)
	}
	w.b.mem = append(w.b.mem, p...)
	return len(p), nil
}

func (w *writer) finish() (*blob, error) {
	w.b.MD5 = hex.EncodeToString(w.md5.Sum(nil))
	if w.file != nil {
		return w.b, w.file.Close()
	}
	return w.b, nil
}

func (w *writer) abandon() {
	if w.file != nil {
		w.file.Close()
		os.Remove(w.file.Name())
	}
}

func (d *data) path(b *blob) string { return filepath.Join(d.dir, "blobs", b.File) }

func (d *data) drop(blobs ...*blob) {
	for _, b := range blobs {
		if b != nil && b.File != "" {
			os.Remove(d.path(b))
		}
	}
}

// put makes o the object of its key. mu is held.
func (d *data) put(o *object) {
	if old := d.objects[o.Key]; old != nil {
		d.drop(old.Blobs...)
	}
	d.objects[o.Key] = o
	d.save("objects", o.Key, o)
}

// forget removes an upload with the parts that no object took. mu is held.
func (d *data) forget(u *upload, taken []*blob) {
	delete(d.uploads, u.ID)
	d.save("uploads", u.ID, nil)
	kept := make(map[*blob]bool)
	for _, b := range taken {
		kept[b] = true
	}
	for _, b := range u.Parts {
		if !kept[b] {
			d.drop(b)
		}
	}
}

// content reads an object; Close it.
type content struct {
	d    *data
	o    *object
	file *os.File // the blob read last
	name string
}

func (c *content) ReadAt(p []byte, off int64) (int, error) {
	done := 0
	for _, b := range c.o.Blobs {
		if off >= b.Size {
			off -= b.Size
			continue
		}
		n, err := c.readBlob(b, p[done:min(int64(len(p)), int64(done)+b.Size-off)], off)
		done += n
		if err != nil && !errors.Is(err, io.EOF) {
			return done, err
		}
		if done == len(p) {
			return done, nil
		}
		off = 0
	}
	return done, io.EOF
}

func (c *content) readBlob(b *blob, p []byte, off int64) (int, error) {
	if b.File == "" {
		return copy(p, b.mem[off:]), nil
	}
	if c.name != b.File {
		c.Close()
		f, err := os.Open(c.d.path(b))
		if err != nil {
			return 0, err
		}
		c.file, c.name = f, b.File
	}
	return c.file.ReadAt(p, off)
}

func (c *content) Close() error {
	if c.file == nil {
		return nil
	}
	f := c.file
	c.file, c.name = nil, ""
	return f.Close()
}

// flip replaces the first blob of an object by one with a flipped bit. Only in
// memory: a test's object.
func (d *data) flip(o *object) *failure {
	b := o.Blobs[0]
	if b.File != "" || b.Size == 0 {
		return fail(500, "InternalError", "This fault needs objects in memory.")
	}
	c := &blob{Size: b.Size, MD5: b.MD5, mem: append([]byte(nil), b.mem...)}
	c.mem[len(c.mem)/2] ^= 1
	c.CRC = crc64.Update(0, crcTable, c.mem)
	o.Blobs[0] = c
	o.CRC = 0
	for _, x := range o.Blobs {
		o.CRC = crc64.Update(o.CRC, crcTable, x.mem)
	}
	return nil
}
