// Package inspect reads finished files strictly, from the first byte to the
// last, and reports what is wrong with them. It shares no code with the muxers,
// so that it does not repeat their mistakes. `record verify` uses it; it knows
// nothing of recordings, stores or state, and takes any io.Reader.
//
//	MP4   the box tree, sample tables that agree with each other, samples that
//	      fill mdat without gap or overlap, NAL units and OBUs inside the samples
//	      (ISO/IEC 14496-12, 14496-14, 14496-15)
//	FLV   tags and the sizes between them, time stamps, onMetaData and the key
//	      frames that it lists (FLV 10.1, Enhanced RTMP v2)
//	ADTS  frame by frame (ISO/IEC 13818-7)
//	TS    packets, continuity counters, tables and their CRC, PES packets
//	      (ISO/IEC 13818-1)
//	fMP4  fragments, their tables and samples
//	HLS   the playlist (RFC 8216); the caller opens its segments
//
// How to use it: KindOf tells the kind by the name, Reader.Read reads one file,
// ReadPlaylist a playlist. Segments of one playlist are read in order by one
// Reader; Reader.Discontinuity comes between them where the playlist says so.
//
// A file is read once, as a stream. Memory is bounded by the index of the file:
// a size in a file is never believed before the bytes are there.
package inspect

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Kind is a kind of file, named by its extension.
type Kind string

// The kinds.
const (
	MP4  Kind = "mp4"
	FLV  Kind = "flv"
	AAC  Kind = "aac"
	TS   Kind = "ts"
	M4S  Kind = "m4s"
	M3U8 Kind = "m3u8"
)

// KindOf tells the kind by the extension of a name.
func KindOf(name string) (Kind, bool) {
	k := Kind(strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")))
	switch k {
	case MP4, FLV, AAC, TS, M4S, M3U8:
		return k, true
	}
	return "", false
}

// maxProblems is how many problems of one file are listed; the others are counted.
const maxProblems = 20

// Report is what was found in a file.
type Report struct {
	Size     int64    // bytes that were read
	Summary  string   // what the file holds, for people
	Problems []string // empty: the file is whole
	more     int
}

func (p *Report) bad(at int64, format string, args ...any) {
	if len(p.Problems) >= maxProblems {
		p.more++
		return
	}
	p.Problems = append(p.Problems, fmt.Sprintf("at byte %d: ", at)+fmt.Sprintf(format, args...))
}

// finish adds what was only counted, and the error of a read.
func (p *Report) finish(r *reader) {
	if p.more > 0 {
		p.Problems = append(p.Problems, fmt.Sprintf("and %d more", p.more))
		p.more = 0
	}
	p.Size = r.at
}

// Reader reads files; those of one playlist are read in order by one Reader, so
// that what must continue from segment to segment is checked too. The zero value is ready.
type Reader struct {
	ts   tsState
	init map[uint32]*track // of the current map
	seq  uint32            // of the last fragment
	time map[uint32]uint64 // per track: start of the last fragment
}

// Discontinuity tells that a discontinuity comes before the next segment.
func (w *Reader) Discontinuity() {
	w.ts = tsState{}
	w.time = nil
}

// Read reads a file to its end. The error is that of reading; everything else is
// in the report. If r is also an io.ReaderAt, an MP4 whose index stands behind
// its samples is read twice; else of such a file only the index is checked.
func (w *Reader) Read(k Kind, r io.Reader) (*Report, error) {
	p := &Report{}
	in := newReader(r)
	var err error
	switch k {
	case MP4:
		again, _ := r.(io.ReaderAt)
		err = w.mp4(p, in, again)
	case M4S:
		err = w.fragments(p, in)
	case FLV:
		err = walkFLV(p, in)
	case AAC:
		err = walkADTS(p, in)
	case TS:
		err = w.ts.walk(p, in)
	default:
		return nil, fmt.Errorf("%s is no kind of file that can be read", k)
	}
	if errors.Is(err, errStop) {
		err = in.drain()
	}
	p.finish(in)
	if in.at == 0 && err == nil {
		p.Problems = []string{"the file is empty"}
	}
	return p, err
}

// errStop ends a walk after which nothing can be understood any more.
var errStop = errors.New("stop")

// reader counts what it reads.
type reader struct {
	r   *bufio.Reader
	at  int64
	buf []byte
}

func newReader(r io.Reader) *reader { return &reader{r: bufio.NewReaderSize(r, 256<<10)} }

// take returns the next n bytes, valid until the next call; fewer only at the end
// of the file. n must have been checked: so much memory is used, if the file has it.
func (r *reader) take(n int) ([]byte, error) {
	const step = 1 << 20 // a size that lies costs no more memory than the file has bytes
	r.buf = r.buf[:0]
	for len(r.buf) < n {
		want := min(n-len(r.buf), step)
		have := len(r.buf)
		if cap(r.buf) < have+want {
			r.buf = append(make([]byte, 0, max(2*cap(r.buf), have+want)), r.buf...)
		}
		r.buf = r.buf[:have+want]
		k, err := io.ReadFull(r.r, r.buf[have:])
		r.at += int64(k)
		r.buf = r.buf[:have+k]
		if err != nil {
			return r.buf, unlessEnd(err)
		}
	}
	return r.buf, nil
}

// skip passes over n bytes and returns how many there were.
func (r *reader) skip(n int64) (int64, error) {
	k, err := io.CopyN(io.Discard, r.r, n)
	r.at += k
	return k, unlessEnd(err)
}

func (r *reader) drain() error {
	k, err := io.Copy(io.Discard, r.r)
	r.at += k
	return err
}

// ended tells whether the file ends here.
func (r *reader) ended() (bool, error) {
	_, err := r.r.Peek(1)
	if err == io.EOF {
		return true, nil
	}
	return false, err
}

func unlessEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
