package plugin

import (
	"io"
	"os"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/cli"
)

// Command runs `mediamtx record …`; args are the arguments without the program.
func Command(args []string) (handled bool, exit int) {
	if len(args) == 0 || args[0] != "record" {
		return false, 0
	}
	return true, cli.Run(args[1:], os.Stdout, os.Stderr)
}

// CheckFile prints to w what `mediamtx record check` says of a recording.yml,
// and tells whether it is good.
func CheckFile(w io.Writer, file string) bool { return config.Check(w, file) == 0 }
