package flv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"
)

// A strict reader of FLV and AMF0, written from the specifications (Adobe FLV
// 10.1 annex E; AMF0; Enhanced RTMP v2) and independent of the muxer.

type readTag struct {
	kind   byte
	ms     int64
	data   []byte
	offset int
}

var errTorn = errors.New("torn")

func readFLV(b []byte) (flags byte, tags []readTag, err error) {
	if len(b) < 13 || string(b[:3]) != "FLV" || b[3] != 1 || binary.BigEndian.Uint32(b[5:]) != 9 ||
		binary.BigEndian.Uint32(b[9:]) != 0 {
		return 0, nil, fmt.Errorf("header % x", b[:min(len(b), 13)])
	}
	for pos := 13; pos < len(b); {
		if len(b)-pos < 15 {
			return 0, nil, errTorn
		}
		h := b[pos:]
		size := int(h[1])<<16 | int(h[2])<<8 | int(h[3])
		ms := int64(int32(uint32(h[7])<<24 | uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6])))
		if h[8]|h[9]|h[10] != 0 || ms < 0 {
			return 0, nil, fmt.Errorf("tag at %d: stream id or time", pos)
		}
		if len(h) < size+15 {
			return 0, nil, errTorn
		}
		if binary.BigEndian.Uint32(h[11+size:]) != uint32(size+11) {
			return 0, nil, fmt.Errorf("tag at %d: PreviousTagSize", pos)
		}
		tags = append(tags, readTag{h[0], ms, h[11 : 11+size], pos})
		pos += size + 15
	}
	return b[4], tags, nil
}

func mustReadFLV(t testing.TB, b []byte) (byte, []readTag) {
	t.Helper()
	flags, tags, err := readFLV(b)
	if err != nil {
		t.Fatal(err)
	}
	return flags, tags
}

// readAMF decodes one AMF0 value: float64, bool, string, []any, map[string]any
// with "" = type and order lost; order is returned by readProperties.
func readAMF(b []byte) (any, []byte, error) {
	if len(b) == 0 {
		return nil, nil, errTorn
	}
	marker, b := b[0], b[1:]
	switch marker {
	case 0:
		if len(b) < 8 {
			return nil, nil, errTorn
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), b[8:], nil
	case 1:
		if len(b) < 1 || b[0] > 1 {
			return nil, nil, errTorn
		}
		return b[0] == 1, b[1:], nil
	case 2:
		s, b, err := readName(b)
		return s, b, err
	case 3:
		list, b, err := readProperties(b)
		return list, b, err
	case 8:
		if len(b) < 4 {
			return nil, nil, errTorn
		}
		n := binary.BigEndian.Uint32(b)
		list, b, err := readProperties(b[4:])
		if err == nil && int(n) != len(list) {
			err = fmt.Errorf("ECMA array of %d says %d", len(list), n)
		}
		return list, b, err
	case 10:
		return readStrict(b)
	}
	return nil, nil, fmt.Errorf("AMF0 marker %d", marker)
}

func readStrict(b []byte) (any, []byte, error) {
	if len(b) < 4 {
		return nil, nil, errTorn
	}
	n := int(binary.BigEndian.Uint32(b))
	b = b[4:]
	if n > len(b) {
		return nil, nil, errTorn
	}
	list := make([]any, 0, n)
	for range n {
		var v any
		var err error
		if v, b, err = readAMF(b); err != nil {
			return nil, nil, err
		}
		list = append(list, v)
	}
	return list, b, nil
}

func readName(b []byte) (string, []byte, error) {
	if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
		return "", nil, errTorn
	}
	n := int(binary.BigEndian.Uint16(b))
	return string(b[2 : 2+n]), b[2+n:], nil
}

type pair struct {
	name  string
	value any
}

type pairs []pair

func (p pairs) get(name string) any {
	for _, x := range p {
		if x.name == name {
			return x.value
		}
	}
	return nil
}

func (p pairs) number(name string) float64 {
	n, _ := p.get(name).(float64)
	return n
}

func (p pairs) numbers(name string) []float64 {
	list, _ := p.get(name).([]any)
	var out []float64
	for _, v := range list {
		n, _ := v.(float64)
		out = append(out, n)
	}
	return out
}

func readProperties(b []byte) (pairs, []byte, error) {
	list := pairs{}
	for {
		name, rest, err := readName(b)
		if err != nil {
			return nil, nil, err
		}
		if name == "" && len(rest) > 0 && rest[0] == 9 {
			return list, rest[1:], nil
		}
		v, rest, err := readAMF(rest)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, pair{name, v})
		b = rest
	}
}

// readMeta decodes the onMetaData tag.
func readMeta(t testing.TB, tag readTag) pairs {
	t.Helper()
	name, rest, err := readAMF(tag.data)
	if err != nil || name != "onMetaData" || tag.kind != 18 || tag.ms != 0 {
		t.Fatalf("script tag: %v %v", name, err)
	}
	v, rest, err := readAMF(rest)
	list, ok := v.(pairs)
	if err != nil || !ok || len(rest) > 0 {
		t.Fatalf("onMetaData: %v, %d bytes left", err, len(rest))
	}
	return list
}
