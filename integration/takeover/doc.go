// Package takeover holds data folders that earlier versions wrote, and checks
// that bin/mediamtx takes them over: open recordings, uploads under way, files
// that wait for their store, and undelivered events.
//
// A fixture is made once, by the old binary, under kill -9:
//
//	LIVERECORD_SERVER=…/old-mediamtx go test ./integration/takeover -run TestMake -args -make 95dbd97
package takeover
