// Package splice tests recordings that go on after an interruption: publishers
// that are killed, taken over and replaced, and a server that is stopped or
// killed meanwhile.
//
//	go test ./integration/splice                                # a few minutes
//	go test ./integration/splice -run Random -args -long -seed=7 # 20 interruptions in 5 minutes
//	go test ./integration/splice -args -server=mediamtx-v1.14.0
//
// What must be in the files is known from two sides: the source, in which no
// frame is there twice, so that a hash tells a frame's place; and an RTSP reader
// of another library, which notes what MediaMTX delivers.
package splice

import "flag"

var (
	long   = flag.Bool("long", false, "the random interruptions last five minutes")
	seed   = flag.Uint64("seed", 1, "of the random interruptions")
	server = flag.String("server", "", "another server below bin/, e.g. mediamtx-v1.14.0")
)
