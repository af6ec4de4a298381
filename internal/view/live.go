package view

import (
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
)

// Output is one format of a recording that has not ended. Only a running server
// knows it.
type Output struct {
	Format  config.FormatName `json:"format"`
	Store   string            `json:"store"`
	Object  string            `json:"object,omitempty"`
	Bytes   int64             `json:"bytes,omitempty"`   // in the open file
	Media   time.Duration     `json:"mediaNs,omitempty"` // in the open file
	Pieces  int               `json:"pieces,omitempty"`
	Problem string            `json:"problem,omitempty"`
	Until   time.Time         `json:"until,omitzero"` // while it waits for the publisher: the deadline
}

// Live is a publication that is there now, and why it is, or is not, recorded.
type Live struct {
	Path       string    `json:"path"`
	Protocol   string    `json:"protocol"`
	RemoteAddr string    `json:"remoteAddr,omitempty"`
	Since      time.Time `json:"since"`
	Recordings []int64   `json:"recordings"`
	Why        string    `json:"why"`
	Discarded  uint64    `json:"discarded,omitempty"` // units that MediaMTX dropped before they reached us
}

// Explanation is the answer of LrExplain: what a running server would record of a
// stream, and what is live of it.
type Explanation struct {
	Stream   string         `json:"stream"` // DOMAIN/APP/STREAM
	Verdicts []plan.Verdict `json:"verdicts"`
	Live     []Live         `json:"live"`
}

// Resent is the answer of LrResend.
type Resent struct {
	Event string `json:"resent"`
}
