package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Each case is a file with exactly the problems listed: "line: path: beginning
// of the message", and a piece of the remedy after a |.
var problemCases = map[string]struct {
	text string
	want []string
}{
	"unknown key, near":      {"spol: {}", []string{"1: spol: unknown key|spool"}},
	"unknown key, case":      {"defaultdomain: x", []string{"1: defaultdomain: unknown key|defaultDomain"}},
	"unknown key, far":       {"\nspool: {zzzzzz: 1}", []string{"2: spool.zzzzzz: unknown key|Known here: dir, maxSize, minFree"}},
	"unknown key, elsewhere": {"maxSize: 1GB", []string{"1: maxSize: unknown key here|belongs under spool"}},
	"key of another format":  {"templates:\n  a:\n    mp4:\n      segment: 10s", []string{"4: templates.a.mp4.segment: unknown key here|templates.NAME.hls"}},
	"top key nested":         {"spool:\n  limits: {}", []string{"2: spool.limits: unknown key here|left margin"}},
	"no space in flow":       {"spool: {dir:x}", []string{"1: spool.dir:x: a space is missing|dir: value"}},
	"duplicate key":          {"state: a\nspool: {}\nstate: b", []string{"3: state: is given twice; the first is in line 1|"}},
	"duplicate template":     {"templates:\n  a: {}\n  a: {}", []string{"3: templates.a: is given twice|"}},
	"merge key":              {"spool:\n  <<: {dir: x}", []string{"2: spool: merge keys|"}},
	"anchor":                 {"spool: &x {dir: a}\nstate: s", []string{"1: spool: YAML takes a word that begins with &|quotes"}},
	"anchor and reference":   {"state: &x a\ndefaultApp: *x", []string{"1: state: YAML takes a word|", "2: defaultApp: YAML takes a value that begins with *|quotes"}},
	"tag":                    {"state: !x a", []string{"1: state: YAML takes a word that begins with !|"}},
	"complex key":            {"? [a]\n: b", []string{"1: : a key must be a plain word|"}},
	"null key":               {"~: b", []string{"1: : a key must be a plain word|"}},
	"bare format":            {"templates:\n  a:\n    mp4: {}\n    aac:", []string{"4: templates.a.aac: has no value|aac: {}"}},
	"bare section":           {"rules:\nspool:\nstate:\ndomains:", []string{"1: rules: has no value|[]", "2: spool: has no value|{}", `3: state: has no value|""`, "4: domains: has no value|[]"}},
	"null in a list":         {"domains:\n- a\n-", []string{"3: domains[1]: has no value|remove it"}},
	"null as a text":         {"defaultApp: ~", []string{"1: defaultApp: has no value|"}},

	"list for a text":       {"state: [a]", []string{"1: state: wants a text, this is a list|"}},
	"mapping for a text":    {"\ntemplates: {a: {mp4: {path: {StreamID}}}}", []string{"2: templates.a.mp4.path: wants a text, this is a mapping|quotes"}},
	"text for a list":       {"domains: a", []string{"1: domains: wants a list, this is a text|[a, b]"}},
	"text for a mapping":    {"spool: 5", []string{"1: spool: wants keys with values, this is a number|dir"}},
	"list for a mapping":    {"stores: [a]", []string{"1: stores: wants names with values, this is a list|"}},
	"rule is a text":        {"rules: [a]", []string{"1: rules[0]: wants keys with values|template"}},
	"root is a list":        {"- a", []string{"1: : wants keys with values, this is a list|"}},
	"root is a text":        {"hello", []string{"1: : wants keys with values|"}},
	"number quoted":         {`maxRecordings: "5"`, []string{"1: maxRecordings: wants a number, this is a text|quotes"}},
	"number octal":          {"maxRecordings: 010", []string{`1: maxRecordings: "010" is not a whole number|leading zero`}},
	"number negative":       {"maxRecordings: -1", []string{"1: maxRecordings: |"}},
	"number fraction":       {"maxRecordings: 1.5", []string{"1: maxRecordings: |"}},
	"number word":           {"maxRecordings: many", []string{`1: maxRecordings: "many" is not a whole number|`}},
	"number too large":      {"maxRecordings: 99999999999999999999999", []string{"1: maxRecordings: \"99999999999999999999999\" is too large|"}},
	"flag yes":              {"api: {insecure: yes}", []string{`1: api.insecure: "yes" is neither true nor false|`}},
	"flag quoted":           {`api: {insecure: "true"}`, []string{"1: api.insecure: wants true or false, this is a text|"}},
	"duration without unit": {"templates: {a: {mp4: {interval: 30}}}", []string{`1: templates.a.mp4.interval: "30" is not a duration|30s or 30m`}},
	"duration base 60":      {"templates: {a: {mp4: {interval: 1:30}}}", []string{"1: templates.a.mp4.interval: |"}},
	"duration too long":     {"templates: {a: {mp4: {keep: 1000000d}}}", []string{"1: templates.a.mp4.keep: |too long"}},
	"size":                  {"spool: {maxSize: 5gb}", []string{`1: spool.maxSize: "5gb" is not a size|capital`}},
	"size too large":        {"spool: {minFree: 99999999TB}", []string{"1: spool.minFree: |too large"}},
	"line break":            {"state: |\n  a\n", []string{"1: state: holds a line break|"}},

	"unset variable":      {"\nstate: ${NOBODY}", []string{"2: state: the environment variable NOBODY is not set|export NOBODY"}},
	"two unset variables": {"state: ${NOBODY}${NONE}", []string{"1: state: the environment variable NOBODY|", "1: state: the environment variable NONE|"}},
	"bad variable":        {"state: a${}b", []string{"1: state: holds ${ without|"}},
	"open variable":       {"state: ${KEY", []string{"1: state: holds ${ without|"}},
	"control in variable": {"state: ${LINES}", []string{"1: state: holds a line break|"}},

	"timezone":       {"timezone: Mars/Phobos", []string{`1: timezone: "Mars/Phobos" is not a time zone|Asia/Shanghai`}},
	"empty texts":    {"timezone: ''\ndefaultDomain: ''\ndefaultApp: ''\nstate: ''\nspool: {dir: ''}", []string{"1: timezone: |", "2: defaultDomain: must not be empty|", "3: defaultApp: |", "4: state: |", "5: spool.dir: |"}},
	"domain forms":   {"domains:\n- http://a.b\n- a.b:80\n- a b\n- A.b\n- a.B", []string{"2: domains[0]: |host alone", "3: domains[1]: |port", "4: domains[2]: |", "6: domains[4]: \"a.B\" is listed already, in line 5|"}},
	"memory small":   {"memory: 15MB", []string{"1: memory: |at least 16MB"}},
	"spool small":    {"spool: {maxSize: 1KB}", []string{"1: spool.maxSize: |1MB"}},
	"folders inside": {"state: data/recordings/s.db\nspool: {dir: ./data/recordings}\nstores: {local: {type: local, dir: data/recordings/}}", []string{"1: state: state lies inside|", "2: spool.dir: spool.dir lies inside|"}},
	"folder twice":   {"stores:\n  local: {type: local, dir: a}\n  b: {type: local, dir: ./a}", []string{"3: stores.b.dir: is the folder of store local too, in line 2|"}},
	"store type":     {"stores:\n  local: {dir: a}\n  x: {type: s3}", []string{"2: stores.local.type: is missing|", `3: stores.x.type: "s3" is not a type|local`}},
	"store keys":     {"stores:\n  local: {type: local, bucket: b}", []string{"2: stores.local.dir: is missing|", "2: stores.local.bucket: belongs to a store of type cos|"}},
	"store base URL": {"stores:\n  local:\n    type: local\n    dir: x\n    baseURL: ftp://x", []string{"5: stores.local.baseURL: |http"}},
	"store name":     {"stores: {local: {type: local, dir: a}, 'a b': {type: local, dir: b}}", []string{"1: stores.a b: \"a b\" is not a name|"}},
	"cos empty":      {"defaultStore: c\nstores:\n  c: {type: cos}", []string{"3: stores.c.bucket: is missing|", "3: stores.c.region: is missing|", "3: stores.c.secretID: is missing|"}},
	"cos values": {"defaultStore: c\nstores:\n  c:\n    type: cos\n    bucket: rec\n    region: Guangzhou\n    secretID: a\n    secretKey: b\n    secretKeyFile: c\n    partSize: 1KB\n    concurrency: 0\n    storageClass: cheap\n    tags: {'ä': b}", []string{
		"5: stores.c.bucket: |appid", "6: stores.c.region: |", "9: stores.c.secretKeyFile: is given in addition|", "10: stores.c.partSize: |1MB to 5GB",
		"11: stores.c.concurrency: |1 to 256", "12: stores.c.storageClass: |STANDARD", "13: stores.c.tags.ä: |"}},
	"cos half a pair":      {"defaultStore: c\nstores:\n  c: {type: cos, endpoint: 'http://h', secretID: x}", []string{"3: stores.c.secretKey: is missing|"}},
	"cos endpoint":         {"defaultStore: c\nstores:\n  c: {type: cos, endpoint: 'http://h/?x', secretKeyFile: x}", []string{"3: stores.c.endpoint: holds a user, a query|"}},
	"default store":        {"defaultStore: locl", []string{`1: defaultStore: "locl" is not the name of a store|local`}},
	"default store absent": {"stores:\n  b: {type: local, dir: a}", []string{`1: defaultStore: "local" (the default) is not the name of a store|`}},

	"template name":          {"templates: {'': {}, '/': {}}", []string{"1: templates.: |", "1: templates./: |"}},
	"ranges":                 {"templates:\n  a:\n    mp4: {interval: 9s}\n    hls:\n      interval: 10s\n      segment: 61s\n      container: mp4", []string{"3: templates.a.mp4.interval: |10s", "6: templates.a.hls.segment: |1s to 60s", "7: templates.a.hls.container: |fmp4"}},
	"interval below segment": {"templates: {a: {hls: {interval: 20s, segment: 30s}}}", []string{"1: templates.a.hls.interval: is shorter than segment|"}},
	"format store":           {"templates: {a: {mp4: {store: cos}}}", []string{`1: templates.a.mp4.store: "cos" is not the name of a store|local`}},
	"paths": {"templates:\n  a:\n    mp4: {path: 'x/{StreamId}'}\n    flv: {path: '../{StreamID'}\n    hls: {path: '{RecordId}{EndYear}'}\n    aac: {path: /}\n  b:\n    mp4: {path: a/}\n    flv: {path: '{RecordId}.flv'}\n    hls: {path: a//b}\n    aac: {path: 'a?'}", []string{
		"3: templates.a.mp4.path: holds {StreamId}|{StreamID}", "4: templates.a.flv.path: holds an empty folder|", "4: templates.a.flv.path: holds a { or }|", "5: templates.a.hls.path: holds {EndYear}|Start",
		"6: templates.a.aac.path: names no file|", "8: templates.b.mp4.path: ends with /|", "9: templates.b.flv.path: has a name that looks|", "10: templates.b.hls.path: |", "11: templates.b.aac.path: |"}},

	"rule without template":  {"rules:\n- {app: live}", []string{"2: rules[0].template: is missing|"}},
	"rule, no such template": {"templates: {everything: {}}\nrules:\n- template: everythin", []string{`3: rules[0].template: "everythin" is not the name of a template|Did you mean everything?`}},
	"rule, no templates":     {"rules: [{template: a}]", []string{"1: rules[0].template: |There are no templates"}},
	"rules alike":            {"templates: {a: {}, b: {}}\nrules:\n- {domain: x.y, template: a}\n- {template: a}\n- {domain: X.Y, app: '', template: b}", []string{"5: rules[2]: has the domain, app and stream of the rule in line 3|"}},
	"rule patterns": {"templates: {a: {}}\nrules:\n- {template: a, domain: 'a.b:80'}\n- {template: a, domain: '**.b'}\n- {template: a, app: /live}\n- {template: a, stream: a/b}", []string{
		"3: rules[0].domain: |", "4: rules[1].domain: |one *", "5: rules[2].app: |", "6: rules[3].stream: |as app"}},
	"task template": {"tasks: {defaultTemplate: x}", []string{"1: tasks.defaultTemplate: |"}},

	"callbacks": {"callbacks:\n- {events: [file]}\n- {url: ftp://x}\n- {url: 'http://x', caFile: y}\n- {url: 'https://x', key: a, keys: [b]}\n- {url: 'https://x/1', events: [files, file, file]}\n- {url: 'https://x/2', events: []}\n- {url: 'https://x/3', keys: [a, a, '']}\n- {url: 'https://x/4', domain: '**.x'}", []string{
		"2: callbacks[0].url: is missing|", "3: callbacks[1].url: |https", "4: callbacks[2].caFile: |", "5: callbacks[3].keys: is given in addition|", `6: callbacks[4].events[0]: "files" is not|`,
		"6: callbacks[4].events[2]: |twice", "7: callbacks[5].events: is empty|", "8: callbacks[6].keys[1]: is the same|", "8: callbacks[6].keys[2]: must not be empty|", "9: callbacks[7].domain: |"}},
	"api open":           {"api: {address: '0.0.0.0:80'}", []string{"1: api.address: |insecure"}},
	"api all interfaces": {"api: {address: ':80'}", []string{"1: api.address: |TLS"}},
	"api address":        {"api: {address: localhost}", []string{"1: api.address: \"localhost\" is not an address|host:port"}},
	"api port":           {"api: {address: 'localhost:99999'}", []string{"1: api.address: |"}},
	"api half of TLS":    {"api:\n  tls: {cert: a}", []string{"2: api.tls.key: is missing|"}},
	"api credentials":    {"api:\n  credentials:\n  - {secretID: a}\n  - {secretID: a, secretKey: b}", []string{"3: api.credentials[0].secretKey: is missing|", "4: api.credentials[1]: has the secretID of the pair in line 3|"}},

	"empty file":    {"", []string{"1: : the file is empty|"}},
	"only comments": {"# nothing\n\n", []string{"1: : the file is empty|"}},
	"only dashes":   {"---\n", []string{"1: : the file is empty|"}},
	"two documents": {"state: a\n---\nstate: b", []string{"2: : a second document|---"}},
	"not UTF-8":     {"a: b\nstate: \xff\xfe", []string{"2: : the file is not UTF-8|"}},
	"NUL":           {"state: \x00", []string{"1: : holds the character U+0000|"}},

	"trap star":                      {"domains:\n- *.x\n- b", []string{"2: domains[0]: YAML takes a value that begins with *|\"*.x\""}},
	"trap star in a list of secrets": {"callbacks:\n- url: http://x\n  keys:\n  - *secret", []string{"4: callbacks[0].keys[0]: YAML takes a value that begins with *|Put the value in quotes"}},
	"trap star in flow":              {"templates: {a: {}}\nrules:\n- {domain: *.x, template: a}", []string{"3: rules[0].domain: YAML takes a value that begins with *|\"*.x\""}},
	"trap star word":                 {"templates: {a: {}}\nrules:\n- {stream: *all, template: a} # really", []string{"3: rules[0].stream: YAML takes a value|"}},
	"trap placeholder":               {"templates:\n  a:\n    mp4:\n      path: {A}/{B} # c", []string{"4: templates.a.mp4.path: YAML takes {|\"{A}/{B}\""}},
	"trap placeholder flow":          {"templates: {a: {mp4: {path: {StreamID}/{RecordId}, keep: x}}}", []string{"1: templates.a.mp4.path: YAML takes {|", "1: templates.a.mp4.keep: |"}},
	"trap variable in flow":          {"api: {credentials: [{secretID: ${ID}, secretKey: ${KEY}}]}", []string{"1: api.credentials[0].secretID: inside|", "1: api.credentials[0].secretKey: inside|"}},
	"trap at":                        {"state: @x", []string{"1: state: YAML does not allow a value to begin with \"@\"|"}},
	"trap colon":                     {"state: a: b", []string{"1: state: YAML takes the colon|"}},
	"trap tab":                       {"spool:\n\tdir: x\nstate: a", []string{"2: spool.dir: a tab|spaces"}},
	"trap no space":                  {"spool:\n  dir:x\n  minFree: 1GB", []string{"2: spool.dir: a space is missing after \"dir:\"|dir: value"}},
	"trap open quote":                {"state: \"abc\nspool:\n  dir: \"x\"", []string{"1: state: a quote is not closed|"}},
	"trap with CRLF":                 {"state: *x\r\nspool:\r\n  dri: x\r\n", []string{"1: state: YAML takes|", "3: spool.dri: unknown|"}},
	"trap after block text":          {"state: |\n  *x: {A}/b\nspool:\n  dir: *y", []string{"1: state: holds a line break|", "4: spool.dir: YAML takes|"}},

	"syntax: indentation":   {"spool:\n  dir: x\n minFree: 1GB\nstat: x", []string{"3: : the indentation|", "4: stat: unknown|"}},
	"syntax: open brace":    {"state: s\nspool: {dir: x\ndefaultApp: y\nzzz: 1", []string{"2: : a [ or { is not closed|", "4: zzz: unknown|"}},
	"syntax: stray word":    {"state: s\nhello\nzzz: 1", []string{"2: : |key: value", "3: zzz: unknown|"}},
	"syntax: after a quote": {"state: 's' t\nzzz: 1", []string{"1: : |", "2: zzz: unknown|"}},
	"syntax: list in a map": {"spool:\n  dir: x\n  - y\nzzz: 1", []string{"3: : |", "4: zzz: unknown|"}},
	"syntax: value nested":  {"state: s\n  dir: x\nzzz: 1", []string{"2: : |", "3: zzz: unknown|"}},
	"syntax: escape":        {"state: \"C:\\data\"\nzzz: 1", []string{"1: : |single quotes", "2: zzz: unknown|"}},
}

func TestProblems(t *testing.T) {
	for name, c := range problemCases {
		t.Run(name, func(t *testing.T) {
			_, ps := parse(t, c.text)
			ok := len(ps) == len(c.want)
			for i := 0; ok && i < len(ps); i++ {
				head, remedy, _ := strings.Cut(c.want[i], "|")
				got := fmt.Sprintf("%d: %s: %s", ps[i].Line, ps[i].Path, ps[i].Message)
				ok = strings.HasPrefix(got, head) && strings.Contains(ps[i].Remedy+ps[i].Message, remedy) && ps[i].Remedy != "" && ps[i].File == "r.yml"
			}
			if !ok {
				t.Errorf("%s\ngave\n%v\nwant\n%s", c.text, ps, strings.Join(c.want, "\n"))
			}
		})
	}
}

// Five mistakes of five kinds, one of which YAML cannot read at all.
func TestFiveMistakes(t *testing.T) {
	_, ps := parse(t, `defaultDomain: default
spool:
  maxSize: 20 gigabytes
templates:
  everything:
    mp4: {interval: 30m, spice: 5m}
    aac:
rules:
  - {template: everything}
  - {domain: *.example.com, template: everything}
  - {domain: push.example.com, template: evrything}
`)
	var lines []int
	for _, p := range ps {
		lines = append(lines, p.Line)
		if p.Remedy == "" || p.Column == 0 {
			t.Errorf("no remedy or column: %v", p)
		}
	}
	if fmt.Sprint(lines) != "[3 6 7 10 11]" {
		t.Errorf("%v\n%v", lines, ps)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range problemCases {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("f.yml", []byte(text), env)
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		var ps Problems
		if err != nil && (!errors.As(err, &ps) || len(ps) == 0) {
			t.Fatalf("not Problems: %v", err)
		}
	})
}
