package source

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
)

func TestSRTHost(t *testing.T) {
	for in, want := range map[string]string{
		"#!::h=push.example.com,r=live/a,m=publish": "push.example.com",
		"#!::m=publish,r=a,h=":                      "",
		"#!::r=h=no,m=publish":                      "",
		"publish:live/h=x":                          "",
		"":                                          "",
	} {
		if got := SRTHost(in); got != want {
			t.Errorf("SRTHost(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestReason(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{io.EOF, reasonPublisher},
		{fmt.Errorf("read: %w", os.ErrDeadlineExceeded), reasonSilence},
		{&net.OpError{Op: "read", Err: net.ErrClosed}, reasonServer},
		{errors.New("terminated"), reasonServer},
		{errors.New("torn down by 192.0.2.1:5"), reasonPublisher},
		{errors.New("peer connection closed"), "peer connection closed"},
	} {
		if got := Reason(c.err); got != c.want {
			t.Errorf("Reason(%v) = %q, want %q", c.err, got, c.want)
		}
	}
}

func TestStateFirstReasonCounts(t *testing.T) {
	var s State
	if got := s.Ended(false); got != "" {
		t.Errorf("not ended, but %q", got)
	}
	if got := s.Ended(true); got != reasonServer {
		t.Errorf("closing: %q", got)
	}
	s.End(nil)
	s.End(io.EOF)
	s.End(errors.New("later"))
	if got := s.Ended(true); got != reasonPublisher {
		t.Errorf("got %q", got)
	}
}
