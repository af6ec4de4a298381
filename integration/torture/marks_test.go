package torture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"

	"github.com/live-recording/liverecord/integration/lab"
)

// mark says which picture an access unit codes.
type mark struct{ session, picture int }

// A mark travels in a SEI message of type 5 (user data unregistered, ITU-T
// H.264 D.1.7): a UUID, the text, and padding, which makes streams as fat as a
// scenario needs without pictures that cost time to decode. No byte of it is
// zero, so nothing has to be escaped.
const (
	markUUID   = "\x4c\x69\x76\x65\x52\x65\x63\x6f\x72\x64\x54\x6f\x72\x74\x75\x72"
	markPrefix = "MARK:"
)

// marked returns the access unit with its mark in front of the picture.
func marked(au [][]byte, m mark, padding int) [][]byte {
	text := fmt.Sprintf("%s%d/%d;", markPrefix, m.session, m.picture)
	size := len(markUUID) + len(text) + padding
	sei := []byte{6, 5}
	for ; size >= 255; size -= 255 {
		sei = append(sei, 255)
	}
	sei = append(append(append(sei, byte(size)), markUUID...), text...)
	x := uint32(m.picture)*2654435761 + 1
	for range padding {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		sei = append(sei, byte(x)|1)
	}
	sei = append(sei, 0x80)
	var out [][]byte
	done := false
	for _, nalu := range au {
		if t := nalu[0] & 0x1f; t >= 1 && t <= 5 && !done {
			out, done = append(out, sei), true
		}
		out = append(out, nalu)
	}
	return out
}

// marks reads the marks of a stored file, in the order of decoding, through
// ffmpeg.
func marks(t lab.T, file string) []mark {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-nostdin", "-v", "fatal", "-i", file, "-map", "0:v", "-c", "copy",
		"-bsf:v", "h264_mp4toannexb", "-f", "h264", "-")
	var messages bytes.Buffer
	cmd.Stderr = &messages
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	found, err := scanMarks(out)
	if err = errors.Join(err, cmd.Wait()); err != nil || messages.Len() > 0 {
		t.Fatalf("ffmpeg %s: %v\n%.2000s", file, err, messages.String())
	}
	return found
}

func scanMarks(r io.Reader) (found []mark, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 1<<20), 16<<20)
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		i := bytes.Index(data, []byte(markUUID))
		if i < 0 {
			return max(0, len(data)-len(markUUID)), nil, nil
		}
		text := data[i+len(markUUID):]
		end := bytes.IndexByte(text, ';')
		if end < 0 {
			return i, nil, nil
		}
		return i + len(markUUID) + end, text[:end], nil
	})
	for s.Scan() {
		var m mark
		text, ok := bytes.CutPrefix(s.Bytes(), []byte(markPrefix))
		a, b, ok2 := bytes.Cut(text, []byte("/"))
		m.session, err = strconv.Atoi(string(a))
		picture, err2 := strconv.Atoi(string(b))
		if m.picture = picture; !ok || !ok2 || err != nil || err2 != nil {
			return found, fmt.Errorf("a mark reads %q", s.Bytes())
		}
		found = append(found, m)
	}
	return found, s.Err()
}
