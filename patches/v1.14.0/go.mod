module github.com/bluenviron/mediamtx/liverecord

go 1.26.0

require (
	github.com/bluenviron/gortsplib/v4 v4.16.2
	github.com/bluenviron/mediacommon/v2 v2.4.1
	github.com/bluenviron/mediamtx v1.14.0
	github.com/live-recording/liverecord v0.0.0
)

replace github.com/live-recording/liverecord => ../..
