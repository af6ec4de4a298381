package flv

import "encoding/binary"

// maxMillis is the latest time stamp of a tag: TimestampExtended and Timestamp
// form a signed number of 32 bits (FLV 10.1 §E.4.1).
const maxMillis = 1<<31 - 1

// maxSeconds bounds the times taken: 136 years around 0, so that differences of
// nanoseconds do not overflow.
const maxSeconds = 1 << 32

// clock places nanoseconds on the file's timeline.
type clock struct {
	zero    int64 // ns
	started bool
}

// start sets the zero of the timeline, once.
func (c *clock) start(ns int64) {
	if !c.started {
		c.zero, c.started = ns, true
	}
}

// note is what each journal record carries: the zero of the timeline, so that the
// loss of the first record moves nothing.
func (c *clock) note() []byte { return binary.AppendVarint(nil, c.zero) }

// read starts the timeline from a note, and returns what else is in it. A record
// of an older version has none.
func (c *clock) read(note []byte) (rest []byte) {
	v, n := binary.Varint(note)
	if n <= 0 {
		return nil
	}
	c.start(v)
	return note[n:]
}

// millis rounds a time to the nearest millisecond of the file, halves up.
func (c *clock) millis(ns int64) int64 {
	return floorDiv(ns-c.zero+500_000, 1_000_000)
}

// stamp is the time stamp of a tag.
func (c *clock) stamp(ns int64) int64 {
	return min(max(c.millis(ns), 0), maxMillis)
}

// nanos converts ticks to nanoseconds, rounded down. Multiples of half a
// millisecond are exact, which is what millis needs to round rightly.
func nanos(ticks, rate int64) int64 {
	sec := floorDiv(ticks, rate)
	return sec*1_000_000_000 + (ticks-sec*rate)*1_000_000_000/rate
}

func inRange(ticks, rate int64) bool {
	return ticks/rate < maxSeconds && ticks/rate > -maxSeconds
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
