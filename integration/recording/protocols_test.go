package recording

import (
	"regexp"
	"testing"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
)

// toCOS records MP4 of everything into the bucket.
const toCOS = `defaultStore: cos
templates: {all: {mp4: {}}}
rules: [{template: all}]
`

// defaultKey is the key that the default template makes for a stream.
func defaultKey(domain, app, stream, ext string) *regexp.Regexp {
	return regexp.MustCompile(`^[^/]+/` + regexp.QuoteMeta(domain+"/"+app+"/"+stream) + `/\d{19}/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d` + regexp.QuoteMeta(ext) + `$`)
}

// Each protocol's push lies complete in both kinds of stores under the right key.
func TestRTMP(t *testing.T) {
	t.Parallel()
	c := lab.StartCOS(t, cosserver.Options{})
	for _, store := range []string{"local", "cos"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			recording := lab.RecordAll
			if store == "cos" {
				recording = toCOS
			}
			s := lab.Start(t, lab.Options{Recording: recording, COS: c})
			src := lab.H264AAC.Make(t)
			s.Publish(t, src, s.RTMP("live/room/7"), lab.TcURL("push.example.com", "live/room")...).Wait(t)
			var key, file string
			if store == "local" {
				key = s.WaitFiles(t, 1)[0]
				file = s.Path(key)
			} else {
				key = lab.WaitObjects(t, c, 1)[0]
				file = lab.Download(t, c, key)
			}
			if !defaultKey("push.example.com", "live/room", "7", ".mp4").MatchString(key) {
				t.Errorf("key %q", key)
			}
			lab.Silent(t, file)
			lab.SameMedia(t, src, lab.Whole, file)
		})
	}
}
