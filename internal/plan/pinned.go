package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/live-recording/liverecord/config"
)

// Pinned is what a recording was started with. It is stored with the recording,
// so that a restart resumes the same plan whatever the configuration says by then.
//
// It is stored as JSON, with a version and field names of its own:
//
//	{"version": 2, "template": HASH, "zone": NAME, "formats": [{"format": "mp4", "intervalNs": …, …}]}
//
// Durations are nanoseconds; what is zero is left out. The form of version 1 had no
// version and no hash, and was named after the Go fields of that time; it is read.
type Pinned struct {
	Formats []config.Format
	Zone    string // name of the time zone of object keys
	// Template identifies the template, see TemplateHash. Empty if version 1 was read.
	Template string
}

const pinnedVersion = 2

type storedPlan struct {
	Version  int            `json:"version"`
	Template string         `json:"template"`
	Zone     string         `json:"zone"`
	Formats  []storedFormat `json:"formats"`
}

type storedFormat struct {
	Format    config.FormatName `json:"format"`
	Interval  time.Duration     `json:"intervalNs,omitempty"`
	Splice    time.Duration     `json:"spliceNs,omitempty"`
	Store     string            `json:"store"`
	Path      string            `json:"path"`
	Keep      time.Duration     `json:"keepNs,omitempty"`
	FastStart bool              `json:"fastStart,omitempty"`
	Segment   time.Duration     `json:"segmentNs,omitempty"`
	Container string            `json:"container,omitempty"`
	Live      bool              `json:"live,omitempty"`
}

// planV1 is what was stored up to commit 95dbd97.
type planV1 struct {
	Zone    string     `json:"zone"`
	Formats []formatV1 `json:"formats"`
}

type formatV1 struct {
	Name      config.FormatName `json:"Name"`
	Interval  time.Duration     `json:"Interval"`
	Splice    time.Duration     `json:"Splice"`
	Store     string            `json:"Store"`
	Path      string            `json:"Path"`
	Keep      time.Duration     `json:"Keep"`
	FastStart bool              `json:"FastStart"`
	Segment   time.Duration     `json:"Segment"`
	Container string            `json:"Container"`
	Live      bool              `json:"Live"`
}

// Encode returns the stored form.
func (p Pinned) Encode() json.RawMessage {
	return encode(storedPlan{Version: pinnedVersion, Template: p.Template, Zone: p.Zone, Formats: storedFormats(p.Formats)})
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil { // structs of strings and numbers
		panic(err)
	}
	return text
}

// DecodePinned reads the stored form of any version. The error says what is wrong
// with it, or that it is of a newer version.
func DecodePinned(text []byte) (Pinned, error) {
	var s storedPlan
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return Pinned{}, err
	}
	switch version.Version {
	case 0:
		return decodeV1(text)
	case pinnedVersion:
	default:
		return Pinned{}, fmt.Errorf("version %d is not known: a newer release wrote it", version.Version)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return Pinned{}, err
	}
	p := Pinned{Zone: s.Zone, Template: s.Template}
	for _, f := range s.Formats {
		p.Formats = append(p.Formats, config.Format{Name: f.Format, Interval: f.Interval, Splice: f.Splice, Store: f.Store,
			Path: f.Path, Keep: f.Keep, FastStart: f.FastStart, Segment: f.Segment, Container: f.Container, Live: f.Live})
	}
	return p, nil
}

func decodeV1(text []byte) (Pinned, error) {
	var s planV1
	if err := json.Unmarshal(text, &s); err != nil {
		return Pinned{}, err
	}
	p := Pinned{Zone: s.Zone}
	for _, f := range s.Formats {
		p.Formats = append(p.Formats, config.Format{Name: f.Name, Interval: f.Interval, Splice: f.Splice, Store: f.Store,
			Path: f.Path, Keep: f.Keep, FastStart: f.FastStart, Segment: f.Segment, Container: f.Container, Live: f.Live})
	}
	return p, nil
}

func storedFormats(formats []config.Format) []storedFormat {
	out := make([]storedFormat, len(formats))
	for i, f := range formats {
		out[i] = storedFormat{Format: f.Name, Interval: f.Interval, Splice: f.Splice, Store: f.Store, Path: f.Path,
			Keep: f.Keep, FastStart: f.FastStart, Segment: f.Segment, Container: f.Container, Live: f.Live}
	}
	return out
}

// TemplateHash identifies a template by its name and by what it says: an edited
// one is another one. It is stored, so it must not change with a release: it is
// made of the stored form, in which a setting that is off does not appear.
func TemplateHash(name string, formats []config.Format) string {
	sum := sha256.Sum256(encode(struct {
		Name    string         `json:"name"`
		Formats []storedFormat `json:"formats"`
	}{name, storedFormats(formats)}))
	return hex.EncodeToString(sum[:16])
}

// Hash is the template's TemplateHash.
func (t Template) Hash() string { return TemplateHash(t.Name, t.Formats) }
