package takeover

import (
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

func TestMain(m *testing.M) { lab.Main(m, 1) }
