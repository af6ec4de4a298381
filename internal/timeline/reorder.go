package timeline

import (
	"slices"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/memory"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

// maxDepth is the largest reorder depth of H.264 and H.265.
const maxDepth = 16

// reorder derives decoding times from presentation times. MediaMTX delivers
// units in decoding order without DTS. With a reorder depth of d pictures the
// DTS of the n-th picture is the (n-d)-th smallest PTS: that is monotonic, at
// most the PTS, exact for constant and for variable frame rates, and needs
// nothing from the slice headers (so that interlaced video, any POC type and
// damaged streams are no special cases). The first d pictures have no such PTS:
// they are held back until d+2 are there, then the first PTS is continued
// backwards at the frame rate seen. With d+1 it would not be seen yet: of I P4
// B2 b1 b3 the fourth is the first that stands next to another one.
type reorder struct {
	depth  int
	window []int64 // the depth smallest PTS not yet used, ascending
	held   []*Sample
	cost   int64     // of those held
	since  time.Time // when the first of them came
	primed bool
	last   int64 // DTS of the last picture given out
	step   int64 // its distance from the one before
	any    bool
	raised int // pictures whose DTS had to be bent
}

// push takes the next picture in decoding order and appends those whose DTS is
// known now to out. Pictures are held for maxWait and up to maxReordered at most.
func (r *reorder) push(s *Sample, now time.Time, out []*Sample) []*Sample {
	i, _ := slices.BinarySearch(r.window, s.PTS)
	r.window = slices.Insert(r.window, i, s.PTS)
	if !r.primed {
		if len(r.held) == 0 {
			r.since = now
		}
		r.held = append(r.held, s)
		r.cost += memory.UnitCost(s.Payload)
		if r.depth > 0 && len(r.held) < r.depth+2 && r.cost <= maxReordered && !r.overdue(now) {
			return out
		}
		return r.prime(out)
	}
	if len(r.window) <= r.depth { // the depth has grown
		s.DTS = r.last + 1
		r.raised++
	} else {
		s.DTS = r.pop()
	}
	return append(out, r.settle(s))
}

func (r *reorder) pop() int64 {
	v := r.window[0]
	r.window = slices.Delete(r.window, 0, 1)
	return v
}

// prime gives the pictures held their times.
func (r *reorder) prime(out []*Sample) []*Sample {
	r.primed = true
	n := len(r.held)
	if n == 0 {
		return out
	}
	first, step := r.window[0], smallestGap(r.window)
	depth := min(r.depth, n-1) // so many pictures can't be in another order by more
	for i, s := range r.held {
		if back := depth - i; back > 0 {
			s.DTS = first - int64(back)*step
		} else {
			s.DTS = r.pop()
		}
		out = append(out, r.settle(s))
	}
	r.held, r.cost = nil, 0
	return out
}

// overdue tells whether the pictures held have waited too long.
func (r *reorder) overdue(now time.Time) bool {
	return len(r.held) > 0 && now.Sub(r.since) >= maxWait
}

// smallestGap is the smallest distance of neighbours in an ascending list.
func smallestGap(v []int64) (gap int64) {
	for i := 1; i < len(v); i++ {
		if d := v[i] - v[i-1]; d > 0 && (gap == 0 || d < gap) {
			gap = d
		}
	}
	return gap
}

// floor is the PTS below which no picture can be that is still to come, as far
// as is known.
func (r *reorder) floor() (pts int64, ok bool) {
	switch {
	case r.any:
		return r.last, true
	case len(r.window) > 0:
		return r.window[0], true
	}
	return 0, false
}

// settle keeps DTS strictly rising; a PTS below its DTS shows that the stream
// reorders deeper than it said.
func (r *reorder) settle(s *Sample) *Sample {
	if r.any && s.DTS <= r.last {
		s.DTS = r.last + 1
		r.raised++
	}
	if s.PTS < s.DTS && r.depth < maxDepth {
		r.depth++
		r.raised++
	}
	if r.any {
		r.step = s.DTS - r.last
	}
	r.last, r.any = s.DTS, true
	return s
}

// flush gives out what is held, at the end of the track.
func (r *reorder) flush(out []*Sample) []*Sample {
	if !r.primed {
		out = r.prime(out)
	}
	return out
}

// depthOf reads the reorder depth from the parameter sets. Where they do not say it
// or cannot be read it is 0, and grows with what comes (settle).
func depthOf(tr *hooks.Track) int {
	switch tr.Codec {
	case hooks.H264, hooks.H265:
		return max(0, codec.PictureOf(tr, nil).Reorder)
	}
	return 0 // AV1, VP8, VP9: shown in decoding order
}
