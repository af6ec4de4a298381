package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var testEnv = map[string]string{
	"ID": "AKIDsecretsecret", "KEY": "hunter2-hunter2", "NESTED": "${KEY}", "NUMBER": "7", "PATH_PART": "{Nonsense}-zzz",
	"LINES": "a\nb", "TENCENTCLOUD_SECRET_ID": "id-value", "TENCENTCLOUD_SECRET_KEY": "key-value",
	"CALLBACK_KEY": "callback-value", "RECORD_API_SECRET_ID": "api-id", "RECORD_API_SECRET_KEY": "api-key",
}

func env(name string) (string, bool) {
	v, ok := testEnv[name]
	return v, ok
}

func parse(t *testing.T, text string) (*Config, Problems) {
	t.Helper()
	c, err := Parse("r.yml", []byte(text), env)
	if err == nil {
		return c, nil
	}
	var ps Problems
	if !errors.As(err, &ps) || len(ps) == 0 || c != nil {
		t.Fatalf("Parse returned %v, %v; want Problems alone", c, err)
	}
	return nil, ps
}

func good(t *testing.T, text string) *Config {
	t.Helper()
	c, ps := parse(t, text)
	if ps != nil {
		t.Fatalf("%v\nin\n%s", ps, text)
	}
	return c
}

// The block of design §1.3, with the example sections left out.
func TestDefaults(t *testing.T) {
	c := good(t, "templates: {everything: {mp4: {}, flv: {}, hls: {}, aac: {}}, nothing: {}}\nrules: [{template: everything}]\n")
	common := func(f Format) Format {
		f.Store, f.Path = "local", DefaultPath
		return f
	}
	want := &Config{
		DefaultDomain: "default", DefaultApp: "live", Timezone: time.UTC, State: "data/state.db", History: 90 * 24 * time.Hour,
		Spool: Spool{Dir: "data/spool", MaxSize: 20 << 30, MinFree: 1 << 30},
		Stores: map[string]Store{"local": {Name: "local", Type: "local", Dir: "data/recordings",
			BaseURL: "http://127.0.0.1:9995/recordings"}},
		DefaultStore: "local",
		Templates: []Template{{Name: "everything", Line: 1, Formats: []Format{
			common(Format{Name: MP4, Interval: 30 * time.Minute, FastStart: true}),
			common(Format{Name: FLV, Interval: 30 * time.Minute}),
			common(Format{Name: HLS, Interval: 12 * time.Hour, Segment: 10 * time.Second, Container: "auto", Live: true}),
			common(Format{Name: AAC, Interval: 30 * time.Minute}),
		}}, {Name: "nothing", Line: 1}},
		Rules:  []Rule{{Template: "everything", Line: 2}},
		API:    API{Address: "127.0.0.1:9995"},
		source: c.source,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%#v\nwant\n%#v", *c, *want)
		for i := range reflect.ValueOf(*c).NumField() {
			g, w := reflect.ValueOf(*c).Field(i), reflect.ValueOf(*want).Field(i)
			if g.CanInterface() && !reflect.DeepEqual(g.Interface(), w.Interface()) {
				t.Errorf("%s: got %v", reflect.TypeFor[Config]().Field(i).Name, g.Interface())
			}
		}
	}
}

func TestCOSDefaultsAndValues(t *testing.T) {
	c := good(t, `
stores:
  cos: {type: cos, bucket: rec-1250000000, region: ap-guangzhou, secretID: "${ID}", secretKey: '${KEY}', tags: {team: 007}}
  test: {type: cos, endpoint: "http://127.0.0.1:9000/bucket/", secretKeyFile: /run/secret, partSize: 1MB, bandwidth: 10MB, signURL: 1d}
defaultStore: cos
templates: {a: {mp4: {path: '/x/{RecordId}', splice: 5m, keep: 30d}}}
rules: [{template: a, domain: Push.Example.COM}, {template: a, domain: push.example.com, stream: yes}]
`[1:])
	want := Store{Name: "cos", Type: "cos", Bucket: "rec-1250000000", Region: "ap-guangzhou", SecretID: "AKIDsecretsecret",
		SecretKey: "hunter2-hunter2", StorageClass: "STANDARD", PartSize: 5 << 20, Concurrency: 8, Tags: map[string]string{"team": "007"}}
	if s := c.Stores["cos"]; !reflect.DeepEqual(s, want) {
		t.Errorf("cos: %q %v", s.SecretID, s.Tags)
	}
	if s := c.Stores["test"]; s.Endpoint != "http://127.0.0.1:9000/bucket" || s.Bandwidth != 10<<20 || s.SignURL != 24*time.Hour || s.PartSize != 1<<20 {
		t.Errorf("test: %+v", s.Endpoint)
	}
	f := c.Templates[0].Formats[0]
	if f.Path != "x/{RecordId}" || f.Splice != 5*time.Minute || f.Keep != 720*time.Hour || f.Store != "cos" {
		t.Errorf("format: %+v", f)
	}
	if c.Rules[0].Domain != "push.example.com" || c.Rules[1].Stream != "yes" {
		t.Errorf("rules: %+v", c.Rules)
	}
}

// Values that YAML would read as something else keep the text that was typed.
func TestTextsAsTyped(t *testing.T) {
	for _, v := range []string{"007", "1e5", "yes", "true", "0x1F", "2024-01-01", "1_000", "12:30:45", ".5", "rec${NUMBER}"} {
		c := good(t, "templates: {a: {}}\nrules:\n- {app: x, stream: "+strings.ReplaceAll(v, "rec${NUMBER}", `"rec${NUMBER}"`)+", template: a}\n")
		want := strings.ReplaceAll(v, "${NUMBER}", "7")
		if got := c.Rules[0].Stream; got != want {
			t.Errorf("%s became %q", v, got)
		}
	}
}

func TestEnvironmentOnceAndInNumbers(t *testing.T) {
	c := good(t, "# ${UNSET} in a comment\nmaxRecordings: ${NUMBER}\napi: {credentials: [{secretID: \"${NESTED}\", secretKey: \"${KEY}\"}]}\n")
	if c.MaxRecordings != 7 || c.API.Credentials[0].SecretID != "${KEY}" {
		t.Errorf("%d, %q", c.MaxRecordings, c.API.Credentials[0].SecretID)
	}
}

func TestHistory(t *testing.T) {
	for text, want := range map[string]time.Duration{"{}": 90 * 24 * time.Hour, "history: 0": 0, "history: 1d": 24 * time.Hour, "history: 30d": 720 * time.Hour} {
		c := good(t, text+"\n")
		if c.History != want {
			t.Errorf("%q: %v", text, c.History)
		}
		if keys := c.RestartKeys(good(t, "history: 77d\n")); len(keys) > 0 {
			t.Errorf("a change needs a restart: %v", keys)
		}
	}
	if _, err := Parse("x.yml", []byte("history: 30m\n"), os.LookupEnv); err == nil || !strings.Contains(err.Error(), "1d or more") {
		t.Errorf("30m: %v", err)
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	c := good(t, `
stores: {cos: {type: cos, bucket: rec-1250000000, region: ap-guangzhou, secretID: "${ID}", secretKey: "${KEY}", sessionToken: hunter2-token}}
defaultStore: cos
callbacks: [{url: "https://x/?token=hunter2", key: "${KEY}"}]
api: {credentials: [{secretID: "${ID}", secretKey: hunter2}]}
rules: []
`)
	for _, v := range []any{c, *c, c.Stores, c.Stores["cos"], c.Callbacks, c.Callbacks[0], c.API, c.API.Credentials} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if s := fmt.Sprintf(format, v); strings.Contains(s, "hunter2") || strings.Contains(s, "AKID") {
				t.Errorf("%s of %T: %s", format, v, s)
			}
		}
	}
	broken := `
stores: {cos: {type: cos, bucket: "${KEY}", region: "${KEY}", secretID: ["${ID}"], secretKey: hunter2hunter2: x, sessionToken: *hunter2}}
timezone: ${KEY}
defaultStore: ${KEY}
maxRecordings: ${KEY}
spool: {maxSize: "${KEY}", minFree: "${LINES}"}
templates: {a: {mp4: {path: "${PATH_PART}", interval: "${KEY}"}, hls: {container: "${KEY}"}}}
callbacks: [{url: "ftp://hunter2", events: ["${KEY}"], key: @hunter2}]
api: {address: "${KEY}", tls: {cert: "${ID}"}}
`
	_, ps := parse(t, broken)
	if len(ps) < 12 {
		t.Errorf("only %d problems: %v", len(ps), ps)
	}
	for _, leak := range []string{"hunter2", "AKID", "Nonsense"} {
		if strings.Contains(ps.Error(), leak) {
			t.Errorf("%s is shown:\n%v", leak, ps)
		}
	}
}

func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"{}":          "r.yml:1: rules: there are no rules",
		"\nrules: []": "r.yml:2:1: rules: there are no rules",
		"templates:\n  a:\n    mp4:\n      path: x/{StreamID}\nrules: [{template: a}]":               "r.yml:4:13: templates.a.mp4.path: holds nothing that differs",
		"domains: [a.b]\ntemplates: {a: {}}\nrules:\n- {template: a, domain: c.d}":                   "r.yml:4:25: rules[0].domain: \"c.d\" is not in domains",
		"callbacks:\n- url: http://x/\n- url: http://x/\ntemplates: {a: {}}\nrules: [{template: a}]": "r.yml:3:3: callbacks[1]: is the endpoint of the callback in line 2",
	} {
		c := good(t, text)
		if len(c.Warnings) != 1 || !strings.HasPrefix(c.Warnings[0].Error(), want) {
			t.Errorf("%q: %v, want %s", text, c.Warnings, want)
		}
	}
}

func TestBaseURLFollowsTheListener(t *testing.T) {
	for api, want := range map[string]string{
		"{address: '127.0.0.1:80'}": "http://127.0.0.1:80/recordings", "{address: ''}": "",
		"{address: ':9995', insecure: true}":                     "http://127.0.0.1:9995/recordings",
		"{address: 'rec.example.com:1', tls: {cert: a, key: b}}": "https://rec.example.com:1/recordings",
	} {
		if got := good(t, "api: "+api).Stores["local"].BaseURL; got != want {
			t.Errorf("%s: %s, want %s", api, got, want)
		}
	}
}

func TestRestartKeys(t *testing.T) {
	a := good(t, "{}")
	for text, want := range map[string][]string{
		"{}": nil, "maxRecordings: 5": nil, "memory: 64MB": nil, "state: x.db": {"state"}, "spool: {minFree: 5GB}": {"spool"},
		"api: {address: ''}\nstate: x":                                       {"state", "api"},
		"api: {credentials: [{secretID: a, secretKey: b}]}\nspool: {dir: y}": {"spool", "api"},
	} {
		if got := a.RestartKeys(good(t, text)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.yml")
	for text, want := range map[string]string{
		"templates: {a: {mp4: {}}}\nrules: [{template: a}]": "0 " + file + ": ok: 1 store, 1 template, 1 rule, 0 callbacks\n",
		"{}": "0 " + file + ":1: warning: rules: there are no rules: only tasks and rules made by the API record. To record everything write rules: [{template: NAME}]\n" +
			file + ": ok: 1 store, 0 templates, 0 rules, 0 callbacks; 1 warning\n",
		"spol: {}\nlimits: {rules: -1}": "1 " + file + ":1:1: spol: unknown key. Did you mean spool?\n" +
			file + ":2:17: limits.rules: \"-1\" is not a whole number from 0 up. Write it in decimal digits without a leading zero, such as 50\n" +
			file + ": 2 problems\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		status := Check(&b, file)
		if got := fmt.Sprint(status, " ", b.String()); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	var b bytes.Buffer
	if Check(&b, file+"x") != 1 || !strings.Contains(b.String(), "cannot be read: no such file") {
		t.Errorf("missing file: %s", b.String())
	}
}
