package hls_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/mux/hls/hlstest"
)

// recording plays the recorder: it cuts sources into pieces in a folder.
type recording struct {
	t       *testing.T
	dir     string
	key     string
	c       hls.Container
	segment time.Duration

	server *httptest.Server
	list   *hls.Playlist
	pieces []hls.Piece
	files  []string // of the pieces
	inits  []string // per piece, its init segment's file
	grown  string   // the playlist as last rendered live
	target int
	lasted time.Duration

	records [][]byte
	open    []byte
}

func newRecording(t *testing.T, c hls.Container, segment time.Duration) *recording {
	r := &recording{t: t, dir: t.TempDir(), key: "2026 a:b#?,ü", c: c, segment: segment}
	r.server = httptest.NewServer(http.FileServer(http.Dir(r.dir)))
	t.Cleanup(r.server.Close)
	return r
}

// add records a source as one publication. Every few samples it flushes.
func (r *recording) add(s *hlstest.Source) {
	r.t.Helper()
	p, err := r.c.New(s.Tracks)
	if err != nil {
		r.t.Fatal(err)
	}
	cut := hls.NewCutter(s.Tracks, r.segment, r.target)
	join := len(r.pieces) > 0
	if join {
		p.SetOrigin(-int64(r.lasted/time.Second) - 1)
	}
	var next hls.Piece
	end := func(e hls.Ended) {
		r.flush(p)
		r.check(s, e)
		if r.list == nil {
			r.target = cut.Target()
			r.list = hls.NewPlaylist(r.c, r.target)
		}
		next.Duration, next.Dependent = e.Duration, e.Dependent
		r.finish(p, next, join)
		join = false
	}
	for i := range s.Samples {
		x := &s.Samples[i]
		d := cut.Next(x)
		if d.New {
			if d.Ended.Duration > 0 {
				end(d.Ended)
				p.StartPiece()
			}
			join = join || d.Gap
			next = hls.Piece{PDT: x.NTP}
		}
		if err := p.Write(x); err != nil {
			r.t.Fatal(err)
		}
		if i%37 == 36 {
			r.flush(p)
		}
	}
	end(cut.End())
	r.write(r.key+".m3u8", r.list.Render(true))
	r.write(r.key+"_eof.m3u8", r.list.Render(false))
}

func (r *recording) flush(p hls.Pieces) {
	b := p.Flush()
	n := int64(0)
	for _, x := range b.Body {
		r.open = append(r.open, x...)
		n += int64(len(x))
	}
	if n != b.Size || (n > 0) != (len(b.Record) > 0) {
		r.t.Fatalf("batch of %d bytes says %d, record of %d", n, b.Size, len(b.Record))
	}
	if n > 0 {
		r.records = append(r.records, bytes.Clone(b.Record))
	}
}

// check compares what the journal says of the open piece with the Cutter.
func (r *recording) check(s *hlstest.Source, e hls.Ended) {
	r.t.Helper()
	got, err := r.c.Inspect(s.Tracks, func(yield func([]byte, error) bool) {
		for _, b := range r.records {
			if !yield(b, nil) {
				return
			}
		}
	})
	if err != nil {
		r.t.Fatal(err)
	}
	off := got.Duration - e.Duration
	if off > time.Millisecond || off < -time.Millisecond || got.Dependent && !e.Dependent {
		r.t.Errorf("piece %d: journal says %+v, cutter %+v", len(r.pieces), got, e)
	}
	r.records = nil
}

func (r *recording) finish(p hls.Pieces, x hls.Piece, join bool) {
	n := len(r.pieces)
	key := r.c.PieceKey(r.key, n)
	x.URI, x.Discontinuity = hls.URI(r.key, key), join
	r.write(key, r.open)
	r.files = append(r.files, filepath.Join(r.dir, key))
	r.open = nil
	init, err := p.Init()
	if err != nil {
		r.t.Fatal(err)
	}
	file := ""
	if init != nil {
		file = r.init(init, n)
		x.Map = hls.URI(r.key, file)
		file = filepath.Join(r.dir, file)
	}
	r.inits = append(r.inits, file)
	r.pieces = append(r.pieces, x)
	r.list.Add(x)
	r.lasted += x.Duration
	now := string(r.list.Render(true))
	if r.grown != "" {
		for _, bad := range hlstest.Growth(r.grown, now) {
			r.t.Error(bad)
		}
	}
	r.grown = now
}

// init stores an init segment unless the piece before has the same one.
func (r *recording) init(b []byte, n int) string {
	count := 0
	for i := range r.inits {
		if i == 0 || r.inits[i] != r.inits[i-1] {
			count++
		}
	}
	if n > 0 {
		old, err := os.ReadFile(r.inits[n-1])
		if err != nil {
			r.t.Fatal(err)
		}
		if bytes.Equal(old, b) {
			return hls.InitKey(r.key, count-1)
		}
	}
	key := hls.InitKey(r.key, count)
	r.write(key, b)
	return key
}

func (r *recording) write(name string, b []byte) {
	file := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// playlist is the URL of the finished playlist. It is served, because only then
// readers resolve its URIs as RFC 3986 says.
func (r *recording) playlist() string {
	return r.server.URL + "/" + url.PathEscape(r.key+"_eof.m3u8")
}

// alone writes a piece with its init segment into one file.
func (r *recording) alone(i int) string {
	b, err := os.ReadFile(r.files[i])
	if err != nil {
		r.t.Fatal(err)
	}
	if r.inits[i] != "" {
		head, err := os.ReadFile(r.inits[i])
		if err != nil {
			r.t.Fatal(err)
		}
		b = append(head, b...)
	}
	r.write("alone", b)
	return filepath.Join(r.dir, "alone")
}
