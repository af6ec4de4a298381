module github.com/bluenviron/mediamtx/liverecord

go 1.26.0

require (
	github.com/bluenviron/gortsplib/v5 v5.6.5
	github.com/bluenviron/mediacommon/v2 v2.9.4
	github.com/bluenviron/mediamtx v1.21.0
	github.com/live-recording/liverecord v0.0.0
)

replace github.com/live-recording/liverecord => ../..
