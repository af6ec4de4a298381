package cosserver

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Object is what the server stores under a key.
type Object struct {
	Key      string
	Size     int64
	CRC64    uint64
	ETag     string
	Header   http.Header // Content-Type, Content-Disposition, X-Cos-Meta-*, X-Cos-Storage-Class
	Tags     string      // as given in x-cos-tagging
	Parts    int         // how many bodies it was made of
	Modified time.Time
}

// Upload is a multipart upload that was neither completed nor aborted.
type Upload struct {
	Key, ID string
	Started time.Time
	Parts   map[int]int64 // sizes by number
}

// Objects returns all objects by key.
func (s *Server) Objects() map[string]Object {
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	all := make(map[string]Object, len(s.data.objects))
	for k, o := range s.data.objects {
		all[k] = Object{k, o.Size, o.CRC, o.ETag, o.Header.Clone(), o.Tags, len(o.Blobs), o.Modified}
	}
	return all
}

// Open reads an object's bytes. False if there is none. The caller closes it.
func (s *Server) Open(key string) (io.ReadSeekCloser, bool) {
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	o, ok := s.data.objects[key]
	if !ok {
		return nil, false
	}
	c := &content{d: s.data, o: o}
	return struct {
		io.ReadSeeker
		io.Closer
	}{io.NewSectionReader(c, 0, o.Size), c}, true
}

// OpenUploads returns the open uploads, by key and age.
func (s *Server) OpenUploads() []Upload {
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	var list []Upload
	for _, u := range s.data.sortedUploads() {
		sizes := make(map[int]int64)
		for n, b := range u.Parts {
			sizes[n] = b.Size
		}
		list = append(list, Upload{u.Key, u.ID, u.Started, sizes})
	}
	return list
}

// sortedUploads returns the uploads as the listing orders them. mu is held.
func (d *data) sortedUploads() []*upload {
	list := make([]*upload, 0, len(d.uploads))
	for _, u := range d.uploads {
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b *upload) int {
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// ForgetUploads drops all open uploads, as a lifecycle rule does.
func (s *Server) ForgetUploads() {
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	for _, u := range s.data.uploads {
		s.data.forget(u, nil)
	}
}
