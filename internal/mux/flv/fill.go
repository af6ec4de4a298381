package flv

import (
	"iter"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// Fill implements mux.Filler: a range is script tags that players pass over. At the
// start of the body the sequence headers are written once more, for they were there.
func (format) Fill(tracks []hooks.Track, offset, n int64) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var starts []byte
		if streams, err := newStreams(tracks); err == nil && offset == 0 {
			starts = appendStarts(nil, streams)
		}
		if int64(len(starts)) > n-tagOverhead {
			starts = nil
		}
		if len(starts) > 0 && !yield(starts) {
			return
		}
		n -= int64(len(starts))
		for n > 0 {
			size := min(n-tagOverhead, maxTagData)
			if rest := n - tagOverhead - size; rest > 0 && rest < tagOverhead {
				size -= tagOverhead // room for one more tag
			}
			if size < 0 { // less than a tag; not made by us
				mux.Zeros(n, yield)
				return
			}
			if !fillTag(int(size), yield) {
				return
			}
			n -= size + tagOverhead
		}
	}
}

// fillTag yields a script tag whose data has size bytes.
func fillTag(size int, yield func([]byte) bool) bool {
	data := appendAMF(nil, extraName)
	data = data[:min(len(data), size)]
	return yield(append(appendTagHead(nil, tagScript, size, 0), data...)) &&
		mux.Zeros(int64(size-len(data)), yield) && yield(appendTagEnd(nil, size))
}
