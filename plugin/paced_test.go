//go:build torture

package plugin

import (
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/feedtest"
)

// 65 minutes at twenty times real time, in files of 30: three files that add up.
func TestSixtyFiveMinutesPaced(t *testing.T) {
	b := start(t, "templates: {t: {mp4: {interval: 30m}}}\nrules: [{template: t}]\n")
	m := feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=640x360:r=25", Audio: true})
	s := b.online("live/long", m)
	s.Speed = 20
	s.Rounds(0, rounds(65*time.Minute, m))
	s.Offline("")
	var video, audio int
	for _, f := range b.stored(3) {
		v, a, _ := count(t, b.fetch(f))
		video, audio = video+v, audio+a
	}
	if int64(video) != s.Sent(0) || int64(audio) != s.Sent(1) {
		t.Errorf("%d pictures and %d frames in the files, %d and %d were sent", video, audio, s.Sent(0), s.Sent(1))
	}
	b.complaints()
}
