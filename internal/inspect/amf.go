package inspect

import (
	"encoding/binary"
	"errors"
	"math"
)

// metadata is what is checked of onMetaData; -1 = not there.
type metadata struct {
	size, duration float64
	times, places  []float64 // of key frames
}

var errAMF = errors.New("it is damaged")

// readMetadata reads the data of a script tag (AMF 0).
func readMetadata(b []byte) (*metadata, error) {
	a := &amf{b: b}
	if name, ok := a.value(0).(string); !ok || name != "onMetaData" {
		return nil, errors.New("it is missing")
	}
	o, ok := a.value(0).(map[string]any)
	if a.bad || !ok || len(a.b) > 0 {
		return nil, errAMF
	}
	m := &metadata{size: -1, duration: -1}
	if v, ok := o["filesize"].(float64); ok {
		m.size = v
	}
	if v, ok := o["duration"].(float64); ok {
		m.duration = v
	}
	if k, ok := o["keyframes"].(map[string]any); ok {
		m.times, m.places = floats(k["times"]), floats(k["filepositions"])
	}
	return m, nil
}

func floats(v any) (out []float64) {
	list, _ := v.([]any)
	for _, x := range list {
		f, _ := x.(float64)
		out = append(out, f)
	}
	return out
}

// amf reads AMF 0 values.
type amf struct {
	b   []byte
	bad bool
}

func (a *amf) next(n int) []byte {
	if n < 0 || n > len(a.b) {
		a.bad, a.b = true, nil
		return make([]byte, 8)
	}
	v := a.b[:n]
	a.b = a.b[n:]
	return v
}

func (a *amf) text() string {
	n := int(binary.BigEndian.Uint16(a.next(2)))
	if n > len(a.b) {
		a.bad, a.b = true, nil
		return ""
	}
	return string(a.next(n))
}

func (a *amf) value(depth int) any {
	if depth > 8 {
		a.bad, a.b = true, nil
		return nil
	}
	switch a.next(1)[0] {
	case 0:
		return math.Float64frombits(binary.BigEndian.Uint64(a.next(8)))
	case 1:
		return a.next(1)[0] != 0
	case 2:
		return a.text()
	case 3:
		return a.object(depth)
	case 8:
		a.next(4)
		return a.object(depth)
	case 10:
		n := int(binary.BigEndian.Uint32(a.next(4)))
		var list []any
		for i := 0; i < n && !a.bad; i++ {
			list = append(list, a.value(depth+1))
		}
		return list
	case 5, 6:
		return nil
	}
	a.bad, a.b = true, nil
	return nil
}

func (a *amf) object(depth int) map[string]any {
	o := map[string]any{}
	for !a.bad {
		name := a.text()
		if name == "" && len(a.b) > 0 && a.b[0] == 9 {
			a.next(1)
			return o
		}
		o[name] = a.value(depth + 1)
	}
	return o
}
