package plugin

import (
	"os"

	"github.com/live-recording/liverecord/internal/cli"
)

// Command runs `mediamtx record …`; args are the arguments without the program.
func Command(args []string) (handled bool, exit int) {
	if len(args) == 0 || args[0] != "record" {
		return false, 0
	}
	return true, cli.Run(args[1:], os.Stdout, os.Stderr)
}
