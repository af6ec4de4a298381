package main

import (
	"os"

	"github.com/live-recording/liverecord/plugin"
)

// liveRecordCommand runs `mediamtx record …`, and then ends the process.
func liveRecordCommand() {
	if handled, code := plugin.Command(os.Args[1:]); handled {
		os.Exit(code)
	}
}
