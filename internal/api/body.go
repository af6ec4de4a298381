package api

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"sync"
)

// Bounds of what callers may make the server hold before their signature is
// known. A body up to smallBody needs no room of its own: there are at most
// maxConnections of them, 64 MB. Larger ones share maxBodies, of which a remote
// address gets a quarter, so that one of them can't keep the others out.
const (
	smallBody    = 64 << 10
	maxBodies    = 64 << 20
	maxPerRemote = maxBodies / 4
)

// bodies counts the bytes of large bodies that are being read or checked, over
// all connections. A remote stays in the map only while it has some.
type bodies struct {
	mu      sync.Mutex
	total   int64
	remotes map[netip.Prefix]int64
}

// read returns the body of a request, at most limit bytes. done gives its room
// back; the body must not be used after that.
func (b *bodies) read(r *http.Request, limit int64) (body []byte, done func(), err error) {
	tooLarge := Errorf(codeSizeLimit, "The body is larger than %d MB.", limit>>20)
	if r.ContentLength > limit {
		return nil, nil, tooLarge
	}
	body, err = io.ReadAll(http.MaxBytesReader(nil, io.NopCloser(io.LimitReader(r.Body, smallBody)), limit))
	done = func() {}
	if err == nil && len(body) == smallBody {
		// It may be larger by all that it is said to be, or that it may be.
		size := limit
		if r.ContentLength >= 0 {
			size = r.ContentLength
		}
		remote := remoteOf(r.RemoteAddr)
		if !b.take(remote, size) {
			return nil, nil, Errorf(codeBusy, "Too many large requests are being received; send it again in a few seconds.")
		}
		done = func() { b.give(remote, size) }
		var rest []byte
		rest, err = io.ReadAll(http.MaxBytesReader(nil, r.Body, limit-smallBody))
		body = append(body, rest...)
	}
	if err == nil {
		return body, done, nil
	}
	done()
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return nil, nil, tooLarge
	}
	return nil, nil, Errorf(codeInvalidRequest, "The body did not arrive whole.")
}

func (b *bodies) take(remote netip.Prefix, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.total+n > maxBodies || b.remotes[remote]+n > maxPerRemote {
		return false
	}
	if b.remotes == nil {
		b.remotes = map[netip.Prefix]int64{}
	}
	b.total += n
	b.remotes[remote] += n
	return true
}

func (b *bodies) give(remote netip.Prefix, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total -= n
	if b.remotes[remote] -= n; b.remotes[remote] <= 0 {
		delete(b.remotes, remote)
	}
}
