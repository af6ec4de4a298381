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
	Ragged     bool    // within the tail some may be missing and others not
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
	SameFrames(t, name+", pictures", Pictures(t, source), pictures, tol.pictures(len(files)))
	SameFrames(t, name+", sound", Sound(t, source), sound, tol.Sound(len(files)))
}

func names(files []string) string {
	var short []string
	for _, f := range files {
		short = append(short, filepath.Base(f))
	}
	return strings.Join(short, " + ")
}

// Limits are a tolerance for one track.
type Limits struct {
	Head, Tail int
	Ragged     bool
	Time       float64 // negative: times are not compared
}

func (tol Tolerance) pictures(files int) Limits {
	return Limits{tol.Head, tol.Tail, tol.Ragged, tol.time(files)}
}

// Sound are the limits for the packets of sound in so many files.
func (tol Tolerance) Sound(files int) Limits {
	return Limits{tol.SoundHead, tol.SoundTail, tol.Ragged, tol.time(files)}
}

func (tol Tolerance) time(files int) float64 {
	if files > 1 {
		return -1
	}
	return tol.Time
}

// SameFrames checks that got is source, but for what the limits allow.
func SameFrames(t T, what string, source, got []Frame, l Limits) {
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
	same := 0
	for same < len(got) && first+same < len(source) && source[first+same].Hash == got[same].Hash {
		same++
	}
	missing := len(source) - first - same
	if same < len(got) && (!l.Ragged || missing > l.Tail) {
		t.Errorf("%s: frame %d of %d: %s", what, same, len(got), odd(source, got, first, same))
		return
	}
	if first > l.Head || missing > l.Tail {
		t.Errorf("%s: %d frames are missing at the beginning and %d at the end of %d; allowed are %d and %d",
			what, first, missing, len(source), l.Head, l.Tail)
	}
	if l.Time >= 0 {
		sameTimes(t, what, source[first:], got[:same], l.Time)
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
