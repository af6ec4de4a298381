package api

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// A remote address may fail so often at once, and once more every failRefill.
// Beyond that its failures are answered alike, and neither logged nor counted on
// its account. A good signature is never refused here.
const (
	failBurst  = 20
	failRefill = 3 * time.Second
	maxRemotes = 10_000
)

// limiter counts failed signatures per remote address.
type limiter struct {
	mu      sync.Mutex
	remotes map[netip.Prefix]*failures
}

type failures struct {
	count int       // not yet forgiven
	at    time.Time // when count was right
}

// forgive takes off what time has healed.
func (f *failures) forgive(now time.Time) {
	if n := int(now.Sub(f.at) / failRefill); n > 0 {
		f.count = max(0, f.count-n)
		f.at = f.at.Add(time.Duration(n) * failRefill)
	}
	if f.count == 0 {
		f.at = now
	}
}

// allowed tells whether a remote may fail once more.
func (l *limiter) allowed(remote netip.Prefix, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.remotes[remote]
	if f == nil {
		return true
	}
	f.forgive(now)
	return f.count < failBurst
}

// failed notes a failure; first tells that the remote had none on its account,
// so that logs tell of each burst once.
func (l *limiter) failed(remote netip.Prefix, now time.Time) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.remotes[remote]
	if f == nil {
		if len(l.remotes) >= maxRemotes {
			l.clean(now)
		}
		if l.remotes == nil {
			l.remotes = map[netip.Prefix]*failures{}
		}
		f = &failures{at: now}
		l.remotes[remote] = f
	}
	f.forgive(now)
	f.count++
	return f.count == 1
}

// clean makes room: what is forgiven goes, and if that is too little, any others,
// a tenth at once, lest each new remote costs a look at all of them.
func (l *limiter) clean(now time.Time) {
	for remote, f := range l.remotes {
		if f.forgive(now); f.count == 0 {
			delete(l.remotes, remote)
		}
	}
	for remote := range l.remotes {
		if len(l.remotes) <= maxRemotes*9/10 {
			return
		}
		delete(l.remotes, remote)
	}
}

// remoteOf is the account of a caller: its IPv4 address, or its IPv6 network,
// since whoever has one such address has 2^64.
func remoteOf(remoteAddr string) netip.Prefix {
	host, _, err := net.SplitHostPort(remoteAddr)
	if err != nil {
		host = remoteAddr
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits) // bits are right
	return p
}
