package lab

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
)

// Tolerance says what of a source may be missing, and how exact times are.
type Tolerance struct {
	Head, Tail int     // pictures that may be missing
	SoundHead  int     // packets of sound
	SoundTail  int     //
	Time       float64 // seconds by which distances in time may differ
}

// Whole is what RTMP owes: everything, times in milliseconds.
var Whole = Tolerance{Time: 0.0021}

// SameMedia compares recorded files, one after the other, with their source:
// decoded pictures and coded sound, in order, without gap or double.
func SameMedia(t T, source string, tol Tolerance, files ...string) {
	t.Helper()
	var pictures, sound []Frame
	for _, f := range files {
		pictures = append(pictures, Pictures(t, f)...)
		sound = append(sound, Sound(t, f)...)
	}
	name := names(files)
	SameFrames(t, name+", pictures", Pictures(t, source), pictures, tol.Head, tol.Tail, tol.Time, len(files) == 1)
	SameFrames(t, name+", sound", Sound(t, source), sound, tol.SoundHead, tol.SoundTail, tol.Time, len(files) == 1)
}

func names(files []string) string {
	var short []string
	for _, f := range files {
		short = append(short, filepath.Base(f))
	}
	return strings.Join(short, " + ")
}

// SameFrames checks that got is source without at most head frames at the
// beginning and tail frames at the end, and, with times, that their distances
// in time differ by at most slack.
func SameFrames(t T, what string, source, got []Frame, head, tail int, slack float64, times bool) {
	t.Helper()
	if len(source) == 0 || len(got) == 0 {
		if len(source) != len(got) {
			t.Errorf("%s: %d frames, the source has %d", what, len(got), len(source))
		}
		return
	}
	first := place(source, got[0].Hash, 0)
	if first < 0 {
		t.Errorf("%s: the first of %d frames is none of the source's %d", what, len(got), len(source))
		return
	}
	for i := range got {
		if first+i < len(source) && source[first+i].Hash == got[i].Hash {
			continue
		}
		t.Errorf("%s: frame %d of %d: %s", what, i, len(got), odd(source, got, first, i))
		return
	}
	if last := len(source) - first - len(got); first > head || last > tail {
		t.Errorf("%s: %d frames are missing at the beginning and %d at the end of %d; allowed are %d and %d",
			what, first, last, len(source), head, tail)
	}
	if times {
		sameTimes(t, what, source[first:], got, slack)
	}
}

func sameTimes(t T, what string, source, got []Frame, slack float64) {
	t.Helper()
	for i := range got {
		want, have := source[i].Time-source[0].Time, got[i].Time-got[0].Time
		if math.Abs(want-have) > slack {
			t.Errorf("%s: frame %d of %d is shown %.6f s after the first, in the source %.6f s", what, i, len(got), have, want)
			return
		}
	}
}

func place(frames []Frame, hash string, from int) int {
	for i := from; i < len(frames); i++ {
		if frames[i].Hash == hash {
			return i
		}
	}
	return -1
}

// odd says what stands where another frame was expected.
func odd(source, got []Frame, first, i int) string {
	at := place(source, got[i].Hash, 0)
	switch {
	case at < 0:
		return "is none of the source's"
	case at < first+i:
		return fmt.Sprintf("stood before: it is number %d of the source", at)
	default:
		return fmt.Sprintf("is number %d of the source, %d frames are missing before it", at, at-first-i)
	}
}
