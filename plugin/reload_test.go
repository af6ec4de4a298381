package plugin

import (
	"os"
	"strings"
	"testing"
	"time"
)

// A store whose folder is edited while files grow in the old one.
func TestReloadMovesLocalStore(t *testing.T) {
	t.Parallel()
	text := "templates: {t: {mp4: {}}}\nrules: [{template: t}]\n"
	b := start(t, text)
	s := b.online("live/x", small(t))
	s.Rounds(0, 1)
	time.Sleep(time.Second)
	old, _ := os.ReadFile(b.config)
	must(t, os.WriteFile(b.config, []byte(strings.Replace(string(old), "/recordings}", "/elsewhere}", 1)), 0o600))
	b.until("reloaded", 5*time.Second, func() bool { return strings.Contains(b.text(), "was reloaded") })
	s.Rounds(1, 2)
	s.Offline("")
	f := b.stored(1)[0]
	if v, _, _ := count(t, b.fetch(f)); v != 240 {
		t.Errorf("%d pictures, not 240", v)
	}
	b.complaints("type and dir")
}
