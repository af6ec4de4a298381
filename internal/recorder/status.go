package recorder

import (
	"time"

	"github.com/live-recording/liverecord/config"
)

// OutputStatus tells how one format of a recording is doing.
type OutputStatus struct {
	Format  config.FormatName `json:"format"`
	Store   string            `json:"store"`
	Object  string            `json:"object,omitempty"`
	Bytes   int64             `json:"bytes,omitempty"`
	Media   time.Duration     `json:"media,omitempty"`
	Pieces  int               `json:"pieces,omitempty"`
	Problem string            `json:"problem,omitempty"`
	Until   time.Time         `json:"until,omitzero"` // while it waits for the publisher
}
