package cosserver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kinds of faults.
const (
	Denied       = "denied"        // 403 AccessDenied
	BadKey       = "bad-key"       // 403 InvalidAccessKeyId
	BadSignature = "bad-signature" // 403 SignatureDoesNotMatch
	Skewed       = "skewed"        // 403 RequestTimeTooSkewed
	NoBucket     = "no-bucket"     // 404 NoSuchBucket
	SlowDown     = "slow-down"     // 503 SlowDown, Retry-After: 1
	Internal     = "internal"      // 500 InternalError
	Slow         = "slow"          // reads the body at Rate bytes per second
	Stall        = "stall"         // stops reading in the middle of the body, for Delay
	StallAnswer  = "stall-answer"  // does it, and is silent for Delay before it drops the connection
	DropBefore   = "drop-before"   // drops the connection in the middle of the body
	DropAfter    = "drop-after"    // does it, then drops the connection
	ErrorIn200   = "error-in-200"  // complete: 200, then InternalError; not done
	LateError    = "late-error"    // complete: 200, spaces for Delay, then InternalError; not done
	LateOK       = "late-ok"       // complete: 200, spaces for Delay, then the result
	LateDrop     = "late-drop"     // complete: done; 200, spaces for Delay, then the connection is dropped
	WrongETag    = "wrong-etag"    // done, but the answer has another ETag
	WrongCRC     = "wrong-crc"     // done, but the answer has another CRC64
	Corrupt      = "corrupt"       // stores a flipped bit, and the CRC64 of that
	ForgetUpload = "forget-upload" // the upload and its parts vanish: 404 NoSuchUpload
	ShortGet     = "short-get"     // drops the connection in the middle of an object
	Outage       = "outage"        // drops this and every connection for Delay

	Portal       = "portal"        // not COS: 200 and a page in HTML, whatever is asked; not done
	Redirect     = "redirect"      // not COS: 302 to a page; not done
	Bare         = "bare"          // not COS: 200 and nothing else; not done
	Hollow       = "hollow"        // COS's headers, but 200 without ETag, CRC64 and body; not done
	AllThere     = "all-there"     // COS's headers, and a HEAD says of every key that it is there
	NoSums       = "no-sums"       // done, but the answer has neither ETag nor CRC64
	Garbage      = "garbage"       // 200 with a body that is no XML; done
	Truncated    = "truncated"     // 200 with the first half of the XML; done
	OmitPart     = "omit-part"     // list-parts: the answer lacks part Part (0 = all parts)
	DenyUpload   = "deny-upload"   // 404 NoSuchUpload for an upload that is there
	CorruptWhole = "corrupt-whole" // complete: the object gets a flipped bit, and the CRC64 of that
)

// Kinds lists all kinds of faults.
var Kinds = []string{
	Denied, BadKey, BadSignature, Skewed, NoBucket, SlowDown, Internal, Slow, Stall, StallAnswer, DropBefore,
	DropAfter, ErrorIn200, LateError, LateOK, LateDrop, WrongETag, WrongCRC, Corrupt, ForgetUpload, ShortGet, Outage,
	Portal, Redirect, Bare, Hollow, AllThere, NoSums, Garbage, Truncated, OmitPart, DenyUpload, CorruptWhole,
}

// Fault says which requests go wrong, and how.
type Fault struct {
	Kind  string
	Op    string        // as in Request.Op; "" = any
	Key   string        // the key contains this; "" = any
	Part  int           // 0 = any
	Skip  int           // so many requests that match go well first
	Times int           // how often; 0 = for ever
	P     float64       // how likely, 0 = surely
	Delay time.Duration // of the kinds that wait; 0 = 1 minute
	Rate  int64         // of Slow, bytes per second; 0 = 64 KiB
}

// faults is the list of what was injected. The first that matches strikes.
type faults struct {
	mu     sync.Mutex
	list   []*Fault
	random *rand.Rand
	struck map[string]int
}

// Inject adds faults.
func (s *Server) Inject(list ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, f := range list {
		s.faults.list = append(s.faults.list, &f)
	}
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
}

// Struck tells how often each kind of fault struck.
func (s *Server) Struck() map[string]int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	counts := make(map[string]int)
	for k, n := range s.faults.struck {
		counts[k] = n
	}
	return counts
}

// pick returns the fault that strikes a request; its Kind is "" if none does.
func (f *faults) pick(op, key string, part int) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, one := range f.list {
		if one.Op != "" && one.Op != op || !one.strikesPart(part) || !strings.Contains(key, one.Key) || !one.Fits(op) {
			continue
		}
		if one.Skip > 0 {
			one.Skip--
			continue
		}
		if one.P > 0 && f.random.Float64() >= one.P {
			continue
		}
		if one.Times == 1 {
			f.list = slices.Delete(f.list, i, i+1)
		} else if one.Times > 1 {
			one.Times--
		}
		if f.struck == nil {
			f.struck = make(map[string]int)
		}
		f.struck[one.Kind]++
		return one.withDefaults()
	}
	return Fault{}
}

// strikesPart tells whether the fault is one of that part. OmitPart strikes a
// list, which is of no part.
func (f *Fault) strikesPart(part int) bool {
	return f.Part == 0 || f.Part == part || f.Kind == OmitPart
}

// Fits tells whether a kind means anything to an operation.
func (f *Fault) Fits(op string) bool {
	switch f.Kind {
	case ErrorIn200, LateError, LateOK, LateDrop, CorruptWhole:
		return op == "complete"
	case Slow, Stall, Corrupt:
		return op == "put" || op == "part"
	case NoSums:
		return op == "put" || op == "part" || op == "head"
	case Garbage, Truncated:
		return op == "initiate" || op == "complete" || op == "list-parts" || op == "list-uploads"
	case AllThere:
		return op == "head"
	case OmitPart:
		return op == "list-parts"
	case WrongETag, WrongCRC:
		return op == "put" || op == "part" || op == "complete"
	case ForgetUpload, DenyUpload:
		return op == "part" || op == "complete" || op == "list-parts" || op == "abort"
	case ShortGet:
		return op == "get"
	}
	return true
}

func (f *Fault) withDefaults() Fault {
	c := *f
	if c.Delay == 0 {
		c.Delay = time.Minute
	}
	if c.Rate == 0 {
		c.Rate = 64 << 10
	}
	return c
}

// ParseFaults reads faults as the command line has them: separated by commas,
// each one OP:KIND[:NAME=VALUE…], OP may be *. Names are key, part, skip,
// times, p, delay and rate:
//
//	part:slow-down:p=0.05,complete:late-error:times=2:delay=3s,*:drop-before:p=0.01
func ParseFaults(text string) ([]Fault, error) {
	var list []Fault
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		f, err := parseFault(one)
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w", one, err)
		}
		list = append(list, f)
	}
	return list, nil
}

func parseFault(text string) (Fault, error) {
	fields := strings.Split(text, ":")
	if len(fields) < 2 {
		return Fault{}, fmt.Errorf("want OP:KIND")
	}
	f := Fault{Op: fields[0], Kind: fields[1]}
	if f.Op == "*" {
		f.Op = ""
	}
	if !slices.Contains(Kinds, f.Kind) {
		return Fault{}, fmt.Errorf("no such kind; there are %s", strings.Join(Kinds, " "))
	}
	for _, setting := range fields[2:] {
		name, value, _ := strings.Cut(setting, "=")
		if err := f.set(name, value); err != nil {
			return Fault{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return f, nil
}

func (f *Fault) set(name, value string) (err error) {
	switch name {
	case "key":
		f.Key = value
	case "part":
		f.Part, err = strconv.Atoi(value)
	case "skip":
		f.Skip, err = strconv.Atoi(value)
	case "times":
		f.Times, err = strconv.Atoi(value)
	case "p":
		f.P, err = strconv.ParseFloat(value, 64)
	case "delay":
		f.Delay, err = time.ParseDuration(value)
	case "rate":
		f.Rate, err = strconv.ParseInt(value, 10, 64)
	default:
		err = fmt.Errorf("no such setting")
	}
	return err
}
