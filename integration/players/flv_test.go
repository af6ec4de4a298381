package players

import (
	"fmt"
	"os"
	"testing"
)

// flvSteps go to places that are not loaded yet. They leave a place before the
// rest of the file is loaded: mpegts.js 1.8 never comes back from a seek in the
// instant in which it ends its stream.
func flvSteps(l timeline) []step {
	d := l.duration()
	return []step{{Do: "play", For: 0.5}, {Do: "seek", To: 0.5 * d, For: 0.6}, {Do: "seek", To: 0.2 * d, For: 0.6}, {Do: "seek", To: -0.8}, {Do: "end"}}
}

// checkRanges checks that the player went through the index: it asked for the
// file from places at which key frames stand. (It also goes on where it paused.)
func checkRanges(t *testing.T, file string, ranges <-chan string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seeks := 0
	for len(ranges) > 0 {
		var at int64
		if _, err := fmt.Sscanf(<-ranges, "bytes=%d-", &at); err != nil || at == 0 {
			continue
		}
		var tag [12]byte // header of the tag and first byte of its body
		if _, err := f.ReadAt(tag[:], at); err != nil {
			t.Fatal(err)
		}
		if tag[0] == 9 && tag[11]>>4&7 == 1 { // video, key frame (FLV §E.4)
			seeks++
		}
	}
	if seeks == 0 {
		t.Errorf("%s: the player did not seek to a key frame", file)
	}
}

func size(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// fileTimeline is the timeline of a file that holds these pictures.
func fileTimeline(numbers []int) (l timeline) {
	for i, n := range numbers {
		if i == 0 || n > numbers[i-1]+3 {
			l = append(l, publication{first: n, start: float64(i) / rate})
		}
		l[len(l)-1].length += 1.0 / rate
	}
	return l
}
