// Package cli is `mediamtx record …`, the operator's command line.
package cli

import (
	"fmt"
	"io"

	"github.com/live-recording/liverecord/config"
)

const usage = `usage: mediamtx record COMMAND

  check [FILE]     read the configuration, and name every mistake in it
`

// Run runs a command and returns the exit status: 0 good, 1 problems found,
// 2 wrong usage.
func Run(args []string, out, errs io.Writer) int {
	if len(args) == 2 && args[0] == "check" {
		return config.Check(out, args[1])
	}
	fmt.Fprint(errs, usage)
	return 2
}
