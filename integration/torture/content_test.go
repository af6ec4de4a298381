//go:build torture

package torture

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
)

// window is the length of the samples by which content is found again, and
// every is their distance.
const (
	window = 64
	every  = 512
	// edges are the samples of a file that may lie across the end of a damaged
	// range: one part is stored, the other one set aside.
	edges = 4
)

// content remembers bytes, and finds them again wherever they lie in other
// files: by samples, with a rolling hash (Rabin and Karp).
type content struct {
	names  []string
	seen   map[uint64]int // hash of a sample to index of its file; negative: found
	filter [1 << 17]uint64
	power  uint64
}

const radix = 0x9e3779b97f4a7c15

func newContent() *content {
	c := &content{seen: map[uint64]int{}, power: 1}
	for range window - 1 {
		c.power *= radix
	}
	return c
}

func hash(p []byte) (h uint64) {
	for _, b := range p {
		h = h*radix + uint64(b) + 1
	}
	return h
}

// keep remembers a body. damaged is what it became (nil = the same): samples that
// differ are not asked for. Nor are holes: a store has what was given back.
func (c *content) keep(name string, body, damaged []byte) {
	c.names = append(c.names, name)
	for at := 0; at+window <= len(body); at += every {
		p := body[at : at+window]
		if bytes.Count(p, []byte{0}) > window/2 || damaged != nil && (at+window > len(damaged) || !bytes.Equal(p, damaged[at:at+window])) {
			continue
		}
		h := hash(p)
		if _, ok := c.seen[h]; !ok {
			c.seen[h] = len(c.names) // from 1
		}
		c.filter[h>>47] |= 1 << (h >> 41 & 63)
	}
}

// look looks for samples in a file.
func (c *content) look(r io.Reader) error {
	b := bufio.NewReaderSize(r, 1<<20)
	var ring [window]byte
	h, n := uint64(0), 0
	for {
		x, err := b.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n >= window {
			h -= (uint64(ring[n%window]) + 1) * c.power
		}
		h = h*radix + uint64(x) + 1
		ring[n%window] = x
		n++
		if n >= window && c.filter[h>>47]&(1<<(h>>41&63)) != 0 {
			if i := c.seen[h]; i > 0 {
				c.seen[h] = -i
			}
		}
	}
}

// missing counts the samples that were found nowhere, by the file they were in.
func (c *content) missing() map[string]int {
	out := map[string]int{}
	for _, i := range c.seen {
		if i > 0 {
			out[c.names[i-1]]++
		}
	}
	return out
}

func TestContent(t *testing.T) {
	chance := random(77)
	body := make([]byte, 100<<10)
	for i := range body {
		body[i] = byte(chance.Uint32())
	}
	c := newContent()
	c.keep("whole", body[:50<<10], nil)
	c.keep("half", body[50<<10:], nil)
	if err := c.look(bytes.NewReader(append([]byte("a head of some bytes"), body[:75<<10]...))); err != nil {
		t.Fatal(err)
	}
	if m := c.missing(); len(m) != 1 || m["half"] < 45 || m["half"] > 55 {
		t.Errorf("%v, want 50 of half", m)
	}
	if err := c.look(bytes.NewReader(body[70<<10:])); err != nil {
		t.Fatal(err)
	}
	if m := c.missing(); len(m) != 0 {
		t.Errorf("still missing: %v", m)
	}
}
