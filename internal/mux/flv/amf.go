package flv

import (
	"encoding/binary"
	"fmt"
	"math"
)

// AMF0 markers (Action Message Format AMF 0 §2.1).
const (
	amfNumber = 0
	amfBool   = 1
	amfString = 2
	amfObject = 3
	amfECMA   = 8
	amfEnd    = 9
	amfStrict = 10
)

// Values of AMF0: float64, bool, string (at most 65535 bytes; the rest is cut),
// []float64 (strict array), zeros, object and ecma.
type (
	// property is a named value.
	property struct {
		name  string
		value any
	}
	object []property // anonymous object
	ecma   []property // associative array
	zeros  int        // strict array of so many zeros
)

// appendAMF appends a value. Only our own values come here: another type is a
// fault of ours, and panics.
func appendAMF(b []byte, v any) []byte {
	switch v := v.(type) {
	case float64:
		return appendNumber(b, v)
	case bool:
		return append(b, amfBool, flag(v, 0))
	case string:
		return appendName(append(b, amfString), v)
	case []float64:
		b = binary.BigEndian.AppendUint32(append(b, amfStrict), uint32(len(v)))
		for _, n := range v {
			b = appendNumber(b, n)
		}
		return b
	case zeros:
		b = binary.BigEndian.AppendUint32(append(b, amfStrict), uint32(v))
		return append(b, make([]byte, 9*int(v))...)
	case object:
		return appendProperties(append(b, amfObject), v)
	case ecma:
		return appendProperties(binary.BigEndian.AppendUint32(append(b, amfECMA), uint32(len(v))), v)
	}
	panic(fmt.Sprintf("flv: no AMF0 type for %T", v))
}

func appendNumber(b []byte, n float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, amfNumber), math.Float64bits(n))
}

func appendName(b []byte, s string) []byte {
	s = s[:min(len(s), math.MaxUint16)]
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func appendProperties(b []byte, list []property) []byte {
	for _, p := range list {
		b = appendAMF(appendName(b, p.name), p.value)
	}
	return append(b, 0, 0, amfEnd)
}
