package plugin

import (
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// Most of these tests wait: for disks that hang, windows and retries.
func TestMain(m *testing.M) { lab.Main(m, 6) }
