package plan

import (
	"crypto/rand"
	"encoding/hex"
	"hash/fnv"
	"strings"
	"sync/atomic"
	"time"
)

// idBit is set in every id that is derived from YAML. Ids stay below 2^53, so
// that JavaScript reads them exactly, and ids that the API counts up from 1
// (below 2^52) never meet them.
const idBit = 1 << 52

func derivedID(parts ...string) int64 {
	h := fnv.New64a()
	for i, p := range parts {
		if i > 0 {
			_, _ = h.Write([]byte{0}) // a hash never returns an error
		}
		_, _ = h.Write([]byte(p))
	}
	return int64(h.Sum64()&(idBit-1) | idBit)
}

// TemplateID is the id of a YAML template: FNV-64a of its name, in
// [2^52, 2^53). It outlives any edit but that of the name.
func TemplateID(name string) int64 { return derivedID(name) }

// RuleID is the id of a YAML rule: FNV-64a of its triple, in [2^52, 2^53).
func RuleID(domain, app, stream string) int64 {
	return derivedID(strings.ToLower(domain), app, stream)
}

var lastRecordID atomic.Int64

const (
	minRecordID = 1_000_000_000_000_000_000 // the smallest number of 19 digits
	maxRecordID = 9_223_372_036_854_775_000
)

// NewRecordID returns a number of 19 digits: the time in Unix nanoseconds, moved
// on where needed so that each is larger than the one before in this process. It
// is unique across restarts as long as the clock isn't set back over one.
func NewRecordID(now time.Time) int64 {
	id := min(max(now.UnixNano(), minRecordID), maxRecordID)
	for {
		last := lastRecordID.Load()
		next := max(id, last+1)
		if lastRecordID.CompareAndSwap(last, next) {
			return next
		}
	}
}

// NewRandomID returns 32 random hexadecimal digits.
func NewRandomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}
