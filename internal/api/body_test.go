package api

import (
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// stuck is a body whose last byte does not come until it is let go.
type stuck struct {
	data  io.Reader
	began chan struct{}
	once  sync.Once
	go_   chan struct{}
}

func (s *stuck) Read(p []byte) (int, error) {
	n, err := s.data.Read(p)
	if err == io.EOF {
		s.once.Do(func() { close(s.began) })
		<-s.go_
	}
	return n, err
}

// Callers who know an id but no key make the server hold at most maxBodies,
// whatever the number of their connections; small requests pass meanwhile.
func TestBodiesInFlightAreBounded(t *testing.T) {
	w := newWorld(t)
	letGo := make(chan struct{})
	var wg sync.WaitGroup
	inFlight := func(remote string) (refused bool) {
		body := strings.Repeat(" ", maxTC3Body)
		w.remote = remote
		r := w.tc3(func(x *tc3) { x.body, x.key = body, "guess" })
		b := &stuck{data: strings.NewReader(body), began: make(chan struct{}), go_: letGo}
		r.Body = io.NopCloser(b)
		ended := make(chan string, 1)
		wg.Go(func() { ended <- codeOf(w.do(r)) })
		select {
		case <-b.began:
			return false
		case code := <-ended:
			require.Equal(t, codeBusy, code)
			return true
		}
	}
	held := 0
	for i := range 20 {
		if !inFlight("198.51.100." + string(rune('0'+i%10)) + ":1") {
			held++
		}
	}
	require.Equal(t, maxBodies/maxTC3Body, held)
	require.LessOrEqual(t, w.bodies.total, int64(maxBodies))
	w.remote = "203.0.113.1:1"
	w.ok("DescribeLiveRecordRules", `{}`)
	w.refused(codeBusy, "DescribeLiveRecordRules", strings.Repeat(" ", maxTC3Body-2)+"{}")
	close(letGo)
	wg.Wait()
	w.ok("DescribeLiveRecordRules", strings.Repeat(" ", maxTC3Body-2)+"{}")
	require.Zero(t, w.bodies.total)
	require.Empty(t, w.bodies.remotes)
}

// One address can't keep the others out.
func TestBodiesOfOneRemote(t *testing.T) {
	var b bodies
	one, other := remoteOf("198.51.100.1:1"), remoteOf("198.51.100.2:1")
	n := 0
	for b.take(one, 1<<20) {
		n++
	}
	require.Equal(t, maxPerRemote>>20, n)
	require.True(t, b.take(other, maxPerRemote))
}

// A body without a length counts as the longest.
func TestBodyWithoutLength(t *testing.T) {
	var b bodies
	r := httptest.NewRequest("POST", "/", io.NopCloser(strings.NewReader(strings.Repeat("a", smallBody+1))))
	r.ContentLength = -1
	body, done, err := b.read(r, maxV1Body)
	require.NoError(t, err)
	require.Len(t, body, smallBody+1)
	require.Equal(t, int64(maxV1Body), b.total)
	done()
	require.Zero(t, b.total)
	r = httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("a", maxV1Body+1)))
	r.ContentLength = -1
	_, _, err = b.read(r, maxV1Body)
	require.ErrorContains(t, err, codeSizeLimit)
	require.Zero(t, b.total)
}
