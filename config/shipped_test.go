package config

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/config/strictyaml"
)

var switchedOff = regexp.MustCompile(`(?m)^( *)#([^\s#].*)$`)

func shipped(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("recording.yml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The shipped file runs without an account and without any environment, and
// means the defaults.
func TestShippedFile(t *testing.T) {
	c, err := Parse("recording.yml", []byte(shipped(t)), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Error(c.Warnings)
	}
	want := good(t, "templates: {mp4: {mp4: {}}, everything: {mp4: {}, flv: {}, hls: {}, aac: {}}, nothing: {}}\nrules: [{template: mp4}]")
	c.source = want.source
	for i := range c.Templates {
		c.Templates[i].Line = 1
	}
	c.Rules[0].Line = 2
	if !reflect.DeepEqual(c, want) {
		t.Errorf("differs from the defaults:\n%#v %+v", c.Rules, c.Templates)
	}
	all := strings.Replace(shipped(t), "- template: mp4", "- template: everything", 1)
	c = good(t, all)
	if tpl, _ := c.Template(c.Rules[0].Template); len(tpl.Formats) != 4 {
		t.Errorf("one edited line gives %d formats", len(tpl.Formats))
	}
}

// With every # before a setting removed the file is still valid.
func TestShippedFileSwitchedOn(t *testing.T) {
	text := switchedOff.ReplaceAllString(shipped(t), "$1$2")
	c := good(t, text)
	cos := c.Stores["cos"]
	if cos.SecretID != "id-value" || cos.SecretKey != "key-value" || cos.Bucket != "rec-1250000000" || cos.PartSize != 5<<20 || cos.Concurrency != 8 {
		t.Errorf("cos: %+v", cos.Bucket)
	}
	if len(c.Callbacks) != 1 || c.Callbacks[0].Keys[0] != "callback-value" || c.Callbacks[0].URL != "https://ops.example.com/recordings" {
		t.Errorf("callbacks: %v", c.Callbacks)
	}
	if len(c.Rules) != 3 || len(c.API.Credentials) != 1 || len(c.Warnings) != 0 {
		t.Errorf("rules: %v, warnings: %v", c.Rules, c.Warnings)
	}
}

// Every key of the schema stands in the shipped file and in the manual.
func TestEveryKeyIsDocumented(t *testing.T) {
	file := switchedOff.ReplaceAllString(shipped(t), "$1$2")
	manual, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	common := strictyaml.Keys(reflect.TypeFor[rawFormat]())
	paths := strictyaml.Paths(reflect.TypeFor[rawFile]())
	if len(paths) < 60 {
		t.Fatalf("the schema has only %d keys: %v", len(paths), paths)
	}
	for _, path := range paths {
		key := path[strings.LastIndexByte(path, '.')+1:]
		if !regexp.MustCompile(`(?m)(^|[\s{])`+key+`: `).MatchString(file+" ") && !strings.Contains(file, key+":\n") {
			t.Errorf("recording.yml does not show %s", path)
		}
		in := "`" + path + "`"
		if slices.Contains(common, key) && strings.HasPrefix(path, "templates.") || strings.HasPrefix(path, "templates.NAME.") && strings.Count(path, ".") == 2 {
			in = "`" + key + "`" // described once for all formats
		}
		if !strings.Contains(string(manual), in) {
			t.Errorf("docs/configuration.md does not describe %s", path)
		}
	}
}

// Each key is known, decodes, and has an effect on the Config.
func TestEveryKeyHasAnEffect(t *testing.T) {
	base := "stores: {local: {type: local, dir: d}, cos: {type: cos, bucket: rec-1250000000, region: ap-guangzhou, secretKeyFile: f}}\n" +
		"templates: {t: {}}\n"
	cos := "stores: {local: {type: local, dir: d}, cos: {type: cos, bucket: rec-1250000000, region: ap-guangzhou, secretKeyFile: f, %}}\ntemplates: {t: {}}"
	pair := "stores: {local: {type: local, dir: d}, cos: {type: cos, bucket: rec-1250000000, region: ap-guangzhou, secretID: a, secretKey: b}}\ntemplates: {t: {}}"
	format := "stores: {local: {type: local, dir: d}, cos: {type: cos, bucket: rec-1250000000, region: ap-guangzhou, secretKeyFile: f}}\ntemplates: {t: {%}}"
	with := func(text, piece string) string { return strings.Replace(text, "%", piece, 1) }
	texts := map[string]string{
		"defaultDomain": base + "defaultDomain: d", "domains": base + "domains: [a]", "defaultApp": base + "defaultApp: a",
		"timezone": base + "timezone: Asia/Shanghai", "maxRecordings": base + "maxRecordings: 1", "memory": base + "memory: 512MB", "state": base + "state: s", "history": base + "history: 30d",
		"spool": "", "spool.dir": base + "spool: {dir: s}", "spool.maxSize": base + "spool: {maxSize: 1GB}", "spool.minFree": base + "spool: {minFree: 0}",
		"stores": "", "stores.NAME.type": "", "defaultStore": base + "defaultStore: cos",
		"stores.NAME.dir":       strings.Replace(base, "dir: d", "dir: e", 1),
		"stores.NAME.baseURL":   strings.Replace(base, "dir: d", "dir: d, baseURL: 'http://x'", 1),
		"stores.NAME.bucket":    strings.Replace(base, "rec-", "rac-", 1),
		"stores.NAME.region":    strings.Replace(base, "guangzhou", "beijing", 1),
		"stores.NAME.endpoint":  with(cos, "endpoint: 'http://x'"),
		"stores.NAME.secretID":  with(cos, "secretID: x"),
		"stores.NAME.secretKey": pair, "stores.NAME.secretKeyFile": strings.Replace(base, "File: f", "File: g", 1),
		"stores.NAME.sessionToken": with(cos, "sessionToken: x"), "stores.NAME.storageClass": with(cos, "storageClass: COLD"),
		"stores.NAME.partSize": with(cos, "partSize: 6MB"), "stores.NAME.bandwidth": with(cos, "bandwidth: 1"),
		"stores.NAME.concurrency": with(cos, "concurrency: 1"), "stores.NAME.tags": with(cos, "tags: {a: b}"), "stores.NAME.signURL": with(cos, "signURL: 1h"),
		"templates": "", "rules": base + "rules: [{template: t}]", "rules.template": "",
		"rules.domain": base + "rules: [{template: t, domain: a}]", "rules.app": base + "rules: [{template: t, app: a}]", "rules.stream": base + "rules: [{template: t, stream: a}]",
		"callbacks": "", "callbacks.url": base + "callbacks: [{url: 'http://x'}]", "callbacks.key": base + "callbacks: [{url: 'http://x', key: a}]",
		"callbacks.keys": base + "callbacks: [{url: 'http://x', keys: [a, b]}]", "callbacks.events": base + "callbacks: [{url: 'http://x', events: [status]}]",
		"callbacks.domain": base + "callbacks: [{url: 'http://x', domain: a}]", "callbacks.app": base + "callbacks: [{url: 'http://x', app: a}]",
		"callbacks.caFile": base + "callbacks: [{url: 'https://x', caFile: a}]",
		"api":              "", "api.tls": "", "api.address": base + "api: {address: ''}", "api.tls.cert": base + "api: {tls: {cert: a, key: b}}", "api.tls.key": base + "api: {tls: {cert: a, key: c}}",
		"api.insecure": base + "api: {insecure: true}", "api.credentials": "", "api.credentials.secretID": base + "api: {credentials: [{secretID: a, secretKey: b}]}",
		"api.credentials.secretKey": base + "api: {credentials: [{secretID: a, secretKey: c}]}",
		"tasks":                     "", "tasks.defaultTemplate": base + "tasks: {defaultTemplate: t}",
		"limits": "", "limits.templates": base + "limits: {templates: 1}", "limits.rules": base + "limits: {rules: 1}",
	}
	for _, f := range FormatNames {
		at := "templates.NAME." + string(f)
		texts[at] = with(format, string(f)+": {}")
		for key, value := range map[string]string{"interval": "1h", "splice": "1m", "store": "cos", "path": "'x/{RecordId}'", "keep": "1d",
			"fastStart": "false", "segment": "2s", "container": "ts", "live": "false"} {
			texts[at+"."+key] = with(format, string(f)+": {"+key+": "+value+"}")
		}
	}
	seen := map[string]string{}
	for _, path := range strictyaml.Paths(reflect.TypeFor[rawFile]()) {
		text, ok := texts[path]
		if !ok {
			t.Errorf("no test for %s", path)
		}
		if text == "" { // a section, or tested with its companion
			continue
		}
		c := good(t, text)
		c.source, c.Warnings = [32]byte{}, nil
		for other, otherText := range seen {
			if reflect.DeepEqual(c, bare(t, otherText)) {
				t.Errorf("%s has no effect, or that of %s", path, other)
			}
		}
		if reflect.DeepEqual(c, bare(t, base)) {
			t.Errorf("%s has no effect", path)
		}
		seen[path] = text
	}
}

// bare is good without what depends on the bytes of the file.
func bare(t *testing.T, text string) *Config {
	t.Helper()
	c := good(t, text)
	c.source, c.Warnings = [32]byte{}, nil
	return c
}
