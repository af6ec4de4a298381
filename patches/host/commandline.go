package host

import (
	"fmt"
	"io"

	"github.com/live-recording/liverecord/plugin"
)

// Help is what `mediamtx --help` says besides what MediaMTX does.
const Help = `
Commands:
  record COMMAND    recordings: check, list, verify and more; see mediamtx record help
`

// HelpUpgrade is what it says of --upgrade, where MediaMTX has that.
const HelpUpgrade = `
This server contains live recording. --upgrade would replace it by one without, and is refused.
`

// NoUpgrade is what `mediamtx --upgrade` says, and then fails.
const NoUpgrade = `ERR: this server contains live recording, and --upgrade would replace it by the plain MediaMTX, which has none.
Build or download a newer release of live recording instead.
`

// Validate checks recording.yml with `mediamtx --validate-conf`: it prints every
// mistake with its line, and tells whether there is none. Nothing is checked if
// live recording is off.
func (s Setting) Validate(w io.Writer) (ok bool) {
	file, err := s.ConfigFile()
	if err != nil {
		fmt.Fprintf(w, "ERR: %v\n", err)
		return false
	}
	return file == "" || plugin.CheckFile(w, file)
}
