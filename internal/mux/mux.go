// Package mux holds what all file formats share: the sample, the batch of bytes
// that is appended to a growing file, and the contract of a format.
//
// A growing file has an append-only body, a journal beside it and, for MP4 and
// FLV, a head that is only known at the end. A Muxer turns samples into batches;
// one batch is one append to the body and one record in the journal. Whatever a
// format needs later (to build the head, to go on after a crash) it reads back
// from the journal, never from memory.
package mux

import (
	"iter"
	"time"

	"github.com/live-recording/liverecord/hooks"
)

// Sample is one coded picture or one audio frame on its way into a file.
type Sample struct {
	Track int   // index into the tracks of the file
	DTS   int64 // in ticks of the track's clock; never decreasing within a track of one file
	PTS   int64 // in ticks of the track's clock; may be smaller than DTS (broken streams)
	Dur   int64 // in ticks, 0 if unknown; exact for audio frames
	Sync  bool  // decoding can start here; true for every audio frame
	NTP   time.Time

	// Payload as in hooks.Unit: NAL units, OBUs, or one frame. Never changed.
	Payload [][]byte
}

// Size is the payload's length in bytes.
func (s *Sample) Size() int {
	n := 0
	for _, p := range s.Payload {
		n += len(p)
	}
	return n
}

// Batch is one append to a growing file: bytes for the body, in order, and the
// journal record that describes them. The slices are owned by the muxer and by
// the sender of the samples; they are valid until the next call of the muxer.
type Batch struct {
	Body   [][]byte
	Size   int64  // sum of the lengths of Body
	Record []byte // opaque to all but the format; empty if Body is empty
}

// Muxer encodes the samples of one file. It is used by one goroutine.
type Muxer interface {
	// Write takes one sample. The payload stays referenced until the batch
	// that holds it was written (the next call after Flush).
	// An error concerns this sample only; the muxer can go on.
	Write(s *Sample) error

	// Buffered returns the number of body bytes that Flush would return now,
	// roughly.
	Buffered() int

	// Flush returns all that was written since the last Flush.
	Flush() Batch
}

// Records yields the payloads of a file's journal, in order. The slice is valid
// until the next step. It ends early with an error if the journal can't be read.
type Records = iter.Seq2[[]byte, error]

// Head is what a format puts around a finished body.
type Head struct {
	Front []byte // the bytes before the body
	Back  []byte // the bytes after the body; empty for a fast-start file
}

// Info sums up a file from its journal.
type Info struct {
	Samples  int64
	Duration time.Duration // media time, the longest track
	// Ends holds per track the DTS at which the next sample may stand:
	// last DTS + last duration.
	Ends []int64
}

// Format is one kind of file. Implementations are stateless values.
type Format interface {
	// Accepts tells whether the format can hold the track's codec.
	Accepts(c hooks.Codec) bool

	// Fits tells whether the format can hold this track with the parameters that
	// are known of it. The error says what stands against it; the format can still
	// record the other tracks.
	Fits(t *hooks.Track) error

	// New starts a file with these tracks. Their parameters (SPS, ASC …) must
	// be known; the error names the track and what it lacks.
	New(tracks []hooks.Track) (Muxer, error)

	// Resume goes on with a file whose journal holds records.
	Resume(tracks []hooks.Track, records Records) (Muxer, error)

	// Head builds the head of a finished file whose body is bodySize bytes.
	// With room = 0 the front is as long as it needs to be. With room > 0 the
	// front is exactly room bytes (padded), and if the index does not fit into
	// it, Back holds it. Formats without head return an empty Head.
	Head(tracks []hooks.Track, records Records, bodySize, room int64) (Head, error)

	// Inspect sums the file up.
	Inspect(tracks []hooks.Track, records Records) (Info, error)
}
