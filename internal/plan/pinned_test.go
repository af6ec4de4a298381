package plan

import (
	"reflect"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
)

const templateHashOfEverything = "4ce64034e0cb3030443e641e4ae51cb4"

var everything = []config.Format{
	{Name: config.MP4, Interval: time.Hour, Splice: time.Minute, Store: "cos", Path: "{StreamID}", Keep: 24 * time.Hour, FastStart: true},
	{Name: config.HLS, Store: "local", Path: "x", Segment: 10 * time.Second, Container: "auto", Live: true},
}

func TestPinned(t *testing.T) {
	p := Pinned{Formats: everything, Zone: "Asia/Shanghai", Template: TemplateHash("t", everything)}
	got, err := DecodePinned(p.Encode())
	if err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "[]", `{"version": 3}`, `{"version": 2, "formats": {}}`, `{"formats": {}}`} {
		if p, err := DecodePinned([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, p)
		}
	}
}

// What the stored form says must not depend on names in the code.
func TestPinnedStoredForm(t *testing.T) {
	const want = `{"version":2,"template":"x","zone":"UTC","formats":[` +
		`{"format":"mp4","intervalNs":3600000000000,"spliceNs":60000000000,"store":"cos","path":"{StreamID}","keepNs":86400000000000,"fastStart":true},` +
		`{"format":"hls","store":"local","path":"x","segmentNs":10000000000,"container":"auto","live":true}]}`
	if got := string((Pinned{Formats: everything, Zone: "UTC", Template: "x"}).Encode()); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := TemplateHash("t", everything); got != templateHashOfEverything {
		t.Errorf("the hash of a template changed to %s: recordings that wait would end at an upgrade", got)
	}
}

// The form that commit 95dbd97 wrote.
func TestPinnedVersion1(t *testing.T) {
	const old = `{"formats":[{"Name":"mp4","Interval":3600000000000,"Splice":60000000000,"Store":"cos","Path":"{StreamID}","Keep":86400000000000,` +
		`"FastStart":true,"Segment":0,"Container":"","Live":false},{"Name":"hls","Interval":0,"Splice":0,"Store":"local","Path":"x","Keep":0,` +
		`"FastStart":false,"Segment":10000000000,"Container":"auto","Live":true}],"zone":"UTC"}`
	got, err := DecodePinned([]byte(old))
	if err != nil || !reflect.DeepEqual(got, Pinned{Formats: everything, Zone: "UTC"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTemplateHash(t *testing.T) {
	edited := []config.Format{everything[0], everything[1]}
	edited[1].Live = false
	a, b, c := TemplateHash("t", everything), TemplateHash("t", edited), TemplateHash("u", everything)
	if a == b || a == c || b == c {
		t.Error(a, b, c)
	}
}

func TestNamesOfObjects(t *testing.T) {
	if key, ok := PlaylistKey(Final("a/b", config.HLS)); key != "a/b" || !ok {
		t.Error(key, ok)
	}
	if key, ok := PlaylistKey("a/b.mp4"); key != "a/b.mp4" || ok {
		t.Error(key, ok)
	}
	if !IsUnnamed(Unnamed(1234567890123456789)) {
		t.Error("not taken for what it is")
	}
	for _, key := range []string{"", "~", "a", "~user/x.mp4", Final("~12", config.MP4), "~12/13.mp4"} {
		if IsUnnamed(key) {
			t.Errorf("%q is an object of its own", key)
		}
	}
}
