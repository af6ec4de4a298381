// Package players shows recordings to players that are not ours: hls.js and
// mpegts.js in Chromium, GStreamer, and the parser of Video.js.
//
// Each picture of the sources carries its number (see numbered), so that the
// tests know which picture a player shows at which time.
//
//	go test ./integration/players
//	go test ./integration/players -args -server=mediamtx-v1.14.0
package players

import "flag"

var server = flag.String("server", "", "another server below bin/, e.g. mediamtx-v1.14.0")
