package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/mask"
	"github.com/live-recording/liverecord/internal/state"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // golden outputs show times of the machine's zone
	os.Exit(m.Run())
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// desk is a folder with a configuration and a clock that stands at noon.
type desk struct {
	t   *testing.T
	env map[string]string
}

func newDesk(t *testing.T, recording string) *desk {
	t.Helper()
	t.Chdir(t.TempDir())
	d := &desk{t: t, env: map[string]string{}}
	d.write("mediamtx.yml", "# a comment\nliveRecord: conf/recording.yml\npaths: {all_others: {}}\n")
	d.write("conf/recording.yml", recording)
	return d
}

func (d *desk) write(name, text string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) run(args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	c := &command{ctx: context.Background(), out: &o, errs: &e, now: func() time.Time { return noon },
		env: func(k string) (string, bool) { v, ok := d.env[k]; return v, ok }}
	status = c.run(args)
	return status, o.String(), e.String()
}

func (d *desk) golden(want string, args ...string) {
	d.t.Helper()
	_, out, errs := d.run(args...)
	if got := strings.TrimSpace(out + errs); got != strings.TrimSpace(want) {
		d.t.Errorf("record %s:\n%s\nwant:\n%s", strings.Join(args, " "), got, want)
	}
}

// fill writes rows into the state.
func (d *desk) fill(f func(tx *state.Tx) error) {
	d.t.Helper()
	db, err := state.Open("data/state.db")
	if err != nil {
		d.t.Fatal(err)
	}
	if err := db.UpdateNow(context.Background(), f); err != nil {
		d.t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		d.t.Fatal(err)
	}
}

const small = `api: {address: "127.0.0.1:1"}
stores: {local: {type: local, dir: data/recordings}}
templates:
  all: {mp4: {splice: 5m, path: "rec/{StreamID}"}, hls: {keep: 1d, path: "tv/{StreamID}"}}
  off: {}
rules:
  - {template: all}
  - {domain: a.com, app: live, template: off}
  - {domain: "*.com", template: all}
  - {domain: a.com, stream: "p*", template: all}
`

func TestExplainGolden(t *testing.T) {
	d := newDesk(t, small)
	d.golden(`
Stream a.com/live/pub

Rules, those that match first:
    RULE              DOMAIN  APP   STREAM  TEMPLATE  WHY
*   recording.yml:10  a.com   any   p*      all       wins: it matches, and no other rule that matches is more specific
    recording.yml:8   a.com   live  any     off       matches, but recording.yml:10 is more specific: it names the stream
    recording.yml:9   *.com   any   any     all       matches, but recording.yml:10 is more specific: it names the stream
    recording.yml:7   any     any   any     all       matches, but recording.yml:10 is more specific: it names the domain

Recorded, by template all:
  FORMAT  STORE  NEW FILE   SPLICE  KEPT      KEY, FOR INSTANCE
  mp4     local  every 30m  5m      for ever  rec/pub.mp4
  hls     local  every 12h  none    24h       tv/pub_eof.m3u8

From file and state alone, without what is live now: no server answers: there is no data/credentials, which the server makes when it starts; it is not running, or was started in another folder.
`, "explain", "A.COM/live/pub")
	d.golden(`
Stream a.com/live/x

Rules, those that match first:
    RULE              DOMAIN  APP   STREAM  TEMPLATE  WHY
*   recording.yml:8   a.com   live  any     off       wins; its template "off" has no format: nothing is recorded
    recording.yml:9   *.com   any   any     all       matches, but recording.yml:8 is more specific: it names the app
    recording.yml:7   any     any   any     all       matches, but recording.yml:8 is more specific: it names the domain
    recording.yml:10  a.com   any   p*      all       stream "x" does not match "p*"

Not recorded: the template off has no format.

From file and state alone, without what is live now: no server answers: there is no data/credentials, which the server makes when it starts; it is not running, or was started in another folder.
`, "explain", "a.com/live/x")
	for _, args := range [][]string{{"explain"}, {"explain", "a"}, {"explain", "a/b"}, {"explain", "a/b/c", "d"}, {"explain", "--nope", "a/b/c"}} {
		if status, _, errs := d.run(args...); status != usage || errs == "" {
			t.Errorf("%v: status %d, %q", args, status, errs)
		}
	}
}

// domains and addresses: what can't be published is said.
func TestExplainIdentity(t *testing.T) {
	d := newDesk(t, "domains: [a.com]\n"+small)
	_, out, _ := d.run("explain", "b.com/live/x")
	if !strings.Contains(out, "not in `domains`: who claims it is taken for default/live/x") {
		t.Error(out)
	}
	_, out, _ = d.run("explain", "10.0.0.1/live/x")
	if !strings.Contains(out, "taken for default/live/x") {
		t.Error(out)
	}
	if _, out, _ = d.run("explain", "default/live/x"); strings.Contains(out, "taken for") {
		t.Error(out)
	}
}

func row(id int64, stream string, st state.RecordingState) *state.RecordingRow {
	return &state.RecordingRow{ID: id, Path: "live/" + stream, Domain: "a.com", App: "live", Stream: stream, Rule: "a.com//", Template: "all",
		Plan: json.RawMessage(`{"formats":[],"zone":"UTC"}`), State: st, Started: noon.Add(-time.Hour)}
}

func file(id int64, object string, st state.FileState) *state.FileRow {
	return &state.FileRow{ID: id, Recording: 1e18 + 1, Format: "mp4", Store: "local", Object: object, State: st, Started: noon.Add(-time.Hour),
		Duration: 90 * time.Second, Size: 5 << 20}
}

func TestListGolden(t *testing.T) {
	d := newDesk(t, small)
	d.fill(func(tx *state.Tx) error {
		waits := row(1e18+1, "one", state.Interrupted)
		waits.Deadline, waits.Joins, waits.Task = noon.Add(100*time.Second), 2, "T1"
		done := row(1e18+2, "two", state.Done)
		done.Ended, done.Reason = noon, "the publisher left"
		for _, r := range []*state.RecordingRow{waits, done} {
			if err := tx.InsertRecording(r); err != nil {
				return err
			}
		}
		parked := file(1e18+3, "x/b.mp4", state.FileParked)
		parked.Error = "put x/b.mp4: AccessDenied: (grant PutObject)"
		retried := file(1e18+4, "x/c.mp4", state.FileEnded)
		retried.Error, retried.Attempts = "timeout", 3
		for _, f := range []*state.FileRow{file(1e18+2, "x/a.mp4", state.FileStored), parked, retried} {
			if err := tx.InsertFile(f); err != nil {
				return err
			}
		}
		return nil
	})
	const down = "no server answers: there is no data/credentials, which the server makes when it starts; it is not running, or was started in another folder."
	d.golden(`
ID                   STREAM          STATE        WAITS  STARTED              LENGTH  BYTES  TEMPLATE  BY              PROBLEMS
1000000000000000002  a.com/live/two  done         -      2026-11-22 11:00:00  1h      0 B    all       rule a.com/*/*  -
1000000000000000001  a.com/live/one  interrupted  1m40s  2026-11-22 11:00:00  1h      15 MB  all       task T1         2 problems: mp4 is parked, its bytes are kept: put x/b.mp4: AccessDenied: (grant PutObject)
From the state alone: `+down, "list")
	d.golden(`
recording    1000000000000000001
stream       a.com/live/one
path         live/one
state        interrupted
waits until  2026-11-22 12:01:40, 1m40s more
recorded by  task T1
template     all
protocol     -
started      2026-11-22 11:00:00
joins        2
bytes        15 MB
problem      mp4 is parked, its bytes are kept: put x/b.mp4: AccessDenied: (grant PutObject)
problem      mp4: attempt 3 failed: timeout

FILE                 FORMAT  STATE   STARTED              LENGTH  BYTES  PIECES  STORE  OBJECT
1000000000000000002  mp4     stored  2026-11-22 11:00:00  1m30s   5 MB   -       local  x/a.mp4
1000000000000000003  mp4     parked  2026-11-22 11:00:00  1m30s   5 MB   -       local  x/b.mp4
1000000000000000004  mp4     ended   2026-11-22 11:00:00  1m30s   5 MB   -       local  x/c.mp4
From the state alone: `+down, "show", "1000000000000000001")
	for args, want := range map[string]string{
		"list --state done": "live/two", "list a.com/live/one": "live/one", "list --limit 1": "The latest 1; more with --limit",
		"list --state nope": "the states are", "list a": "not of the form", "show x": "is no id", "show 5": "there is no recording 5",
	} {
		if _, out, errs := d.run(strings.Fields(args)...); !strings.Contains(out+errs, want) {
			t.Errorf("record %s: %s%s", args, out, errs)
		}
	}
	_, out, _ := d.run("list", "--state", "done")
	if strings.Contains(out, "live/one") {
		t.Error(out)
	}
}

// Whatever strangers typed: no output holds anything that a terminal acts on, nor
// a line that they made.
func TestHostileNames(t *testing.T) {
	d := newDesk(t, small)
	names := []string{"a\x1b[2Jb", "new\nline\trow", "\u202egnp.exe", "bad\xff\xfeutf8", "c1\u009b31m", "bell\x07\x00nul", strings.Repeat("x", 2000), "🎥 ü \"q\""}
	d.fill(func(tx *state.Tx) error {
		for i, n := range names {
			r := row(int64(1e18+1+i), n, state.Done)
			r.Path, r.Reason, r.Template, r.Rule, r.Publication.Protocol = n, n, n, n+"//"+n, n
			if err := tx.InsertRecording(r); err != nil {
				return err
			}
			f := file(int64(1e18+1+i), n+strconv.Itoa(i), state.FileParked)
			f.Recording, f.Error, f.Detail.LeftOut = r.ID, n, []string{n}
			if err := tx.InsertFile(f); err != nil {
				return err
			}
			body, err := json.Marshal(map[string]string{"record_event": n, "stream_id": n})
			if err != nil {
				return err
			}
			if err := tx.AddEvent(state.Event{Recording: r.ID, Kind: state.EventFile, Type: 100, Stream: n, Body: body}, n); err != nil {
				return err
			}
		}
		return nil
	})
	for _, args := range []string{"list", "list --json", "show 1000000000000000001", "show 1000000000000000001 --json", "show 1000000000000000002",
		"show 1000000000000000004", "events", "events --json", "verify 1000000000000000003", "verify 1000000000000000001 --json",
		"recover --dry-run", "recover --dry-run --json", "doctor"} {
		_, out, errs := d.run(strings.Fields(args)...)
		if i := strings.IndexFunc(out+errs, func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) }); (i >= 0 || !utf8.ValidString(out+errs)) && !strings.Contains(args, "json") {
			t.Errorf("record %s: at %d of %q", args, i, out+errs)
		}
		if strings.Contains(args, "json") && (!json.Valid([]byte(out)) || strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) && r != utf8.RuneError })) {
			t.Errorf("record %s: %q", args, out)
		}
	}
	if _, out, _ := d.run("list"); strings.Count(out, "\n") != len(names)+2 {
		t.Errorf("%d lines for %d recordings:\n%s", strings.Count(out, "\n"), len(names), out)
	}
	for _, n := range names {
		_, out, _ := d.run("explain", "a.com/live/"+n)
		if strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) }) {
			t.Errorf("%q", out)
		}
		d.run("verify", n+".mp4")
	}
}

func TestFindConfig(t *testing.T) {
	d := newDesk(t, small)
	d.write("other.yml", "rules: [{template: nope}]\n")
	for _, c := range []struct {
		env    string
		args   string
		status int
		want   string
	}{
		{"-", "check", good, "conf/recording.yml: ok"},
		{"-", "check other.yml", bad, "other.yml:1:"},
		{"-", "check --config other.yml", bad, "other.yml:1:"},
		{"other.yml", "check", bad, "other.yml:1:"},
		{"", "check", bad, "MTX_LIVERECORD is empty: live recording is off"},
		{"../x.yml", "check", bad, "must be a path inside the folder"},
		{"/etc/passwd", "check", bad, "must be a path inside the folder"},
		{"missing.yml", "check", bad, "missing.yml: cannot be read"},
		{"missing.yml", "list", bad, "missing.yml: no such file"},
	} {
		delete(d.env, serverEnv)
		if c.env != "-" {
			d.env[serverEnv] = c.env
		}
		status, out, errs := d.run(strings.Fields(c.args)...)
		if status != c.status || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s=%s record %s: %d %s%s", serverEnv, c.env, c.args, status, out, errs)
		}
	}
	delete(d.env, serverEnv)
	os.Remove(serverFile)
	if status, _, errs := d.run("list"); status != bad || !strings.Contains(errs, "there is no mediamtx.yml in this folder") {
		t.Error(errs)
	}
	d.write("mediamtx.yml", "paths: {}\n")
	if status, _, errs := d.run("list"); status != bad || !strings.Contains(errs, "live recording is off") {
		t.Error(errs)
	}
}

func TestUsage(t *testing.T) {
	d := newDesk(t, small)
	for args, want := range map[string]int{
		"": usage, "help": good, "nope": usage, "check a b": usage, "list --help": good, "list --limit x": usage, "start": usage, "start a": usage,
		"start a/b/c --for 0s": usage, "start a/b/c --for week": usage, "stop": usage, "stop a/": usage, "events x": usage,
		"events --parked --waiting": usage, "verify": usage, "verify x.txt": usage, "recover": usage, "doctor x": usage,
		"start a/b/c": bad, "stop 1000000000000000001": bad, "list": bad, "verify 1000000000000000001": bad, "verify no.mp4": bad, "events": bad,
	} {
		if status, out, errs := d.run(strings.Fields(args)...); status != want || out+errs == "" {
			t.Errorf("record %s: status %d, want %d: %s%s", args, status, want, out, errs)
		}
	}
}

func TestFor(t *testing.T) {
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "1d": 24 * time.Hour, "2d12h": 60 * time.Hour} {
		if got, err := parseFor(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "x", "-1h", "1d-1h", "500ms", "999999999d"} {
		if _, err := parseFor(text); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

func TestTexts(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KB", 1500: "1.46 KB", 1 << 20: "1 MB", 1023 << 20: "0.999 GB", 5 << 30: "5 GB", 3 << 40: "3 TB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", 90 * time.Second: "1m30s", time.Hour: "1h", 30 * time.Minute: "30m", 10 * time.Second: "10s"} {
		if got := lengthText(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	for in, want := range map[string]string{"plain ü🎥": "plain ü🎥", "a\nb": `a\nb`, "\x1b[m": `\x1b[m`, "\xff": `\xff`, "\u202e": `\u202e`, "\ufffd": "\ufffd"} {
		if got := mask.Text(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{":80": "127.0.0.1:80", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "[::1]:80", "10.1.2.3:80": "10.1.2.3:80", "localhost:80": "localhost:80"} {
		if got := reachable(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// Why nobody answers is said as exactly as it can be known.
func TestDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	d := newDesk(t, strings.Replace(small, "127.0.0.1:1", address, 1))
	want := func(text string) {
		t.Helper()
		status, _, errs := d.run("start", "a.com/live/x")
		if status != bad || !strings.Contains(errs, text) {
			t.Errorf("status %d: %s; want %s", status, errs, text)
		}
	}
	want("there is no data/credentials")
	d.write("data/credentials", "nonsense")
	want("holds no secretID")
	d.write("data/credentials", "secretID: a\nsecretKey: b\n")
	want("it is not running (nobody uses data/state.db)")
	lock, err := state.AcquireLock("data/state.db", "mediamtx, pid 7")
	if err != nil {
		t.Fatal(err)
	}
	want(fmt.Sprintf("at %s, although data/state.db is in use by mediamtx, pid 7", address))
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	d.write("conf/recording.yml", strings.Replace(small, "127.0.0.1:1", "", 1))
	want("api.address in conf/recording.yml is empty")
}

// Nothing of ours changes what the configuration says by default.
func TestLoadUnset(t *testing.T) {
	d := newDesk(t, strings.Replace(small, "dir: data/recordings", "dir: \"${WHERE}\"", 1))
	c := &command{ctx: context.Background(), env: func(k string) (string, bool) { v, ok := d.env[k]; return v, ok }}
	s, err := c.load()
	if err != nil || s.incomplete() == nil || !strings.Contains(s.incomplete().Error(), "WHERE") {
		t.Error(s, err)
	}
	d.env["WHERE"] = "here"
	if s, err = c.load(); err != nil || s.incomplete() != nil || s.Stores["local"].Dir != "here" {
		t.Error(s, err)
	}
	d.write("conf/recording.yml", "rules: [{template: none}]\nstores: {local: {type: local, dir: \"${NOT}\"}}\n")
	var ps config.Problems
	if _, err = c.load(); !errors.As(err, &ps) || !strings.Contains(ps[0].Error(), "none") {
		t.Error(err)
	}
}
