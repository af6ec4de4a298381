// Package players shows recordings to players that are not ours: hls.js and
// mpegts.js in Chromium, GStreamer, and the parser of Video.js.
//
// Each picture of the sources carries its number (see numbered), so that the
// tests know which picture a player shows at which time.
package players
