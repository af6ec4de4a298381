package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/cli"
	"github.com/live-recording/liverecord/internal/feedtest"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/cos"
	"github.com/live-recording/liverecord/plugin"
)

// house is a folder with a configuration, the true plugin, and a COS server.
type house struct {
	t   *testing.T
	cos *cosserver.Server
	p   *plugin.Plugin
}

const templates = `templates:
  all: {mp4: {splice: 1h}, flv: {}, aac: {}, hls: {segment: 1s}}
  far: {mp4: {store: cos}, flv: {store: cos}, aac: {store: cos}, hls: {store: cos, segment: 1s}}
  tail: {mp4: {fastStart: false}}
  fragments: {hls: {segment: 1s, container: fmp4}}
  nothing: {}
rules:
  - {app: near, template: all}
  - {app: far, template: far}
  - {app: tail, template: tail}
  - {app: fragments, template: fragments}
  - {app: near, stream: secret, template: nothing}
`

// lifecycle is a rule of a bucket that is set up as it should be.
const lifecycle = `<LifecycleConfiguration><Rule><ID>1</ID><Status>Enabled</Status><Filter/>` +
	`<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>`

func open(t *testing.T) *house {
	t.Helper()
	return openWith(t, cosserver.Options{Lifecycle: lifecycle})
}

func openWith(t *testing.T, o cosserver.Options) *house {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("MTX_LIVERECORD", "")
	os.Unsetenv("MTX_LIVERECORD")
	t.Setenv("COS_KEY", cosserver.DefaultSecretKey)
	s, err := cosserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	h := &house{t: t, cos: s}
	h.write("mediamtx.yml", "liveRecord: conf/recording.yml\nlogLevel: info\npaths:\n  all_others:\n")
	h.write("conf/recording.yml", fmt.Sprintf(`api: {address: %q}
spool: {dir: data/spool, maxSize: 1GB, minFree: 1MB}
stores:
  local: {type: local, dir: data/recordings}
  cos: {type: cos, bucket: %s, region: ap-guangzhou, endpoint: %q, secretID: %s, secretKey: "${COS_KEY}", partSize: 1MB}
`, freeAddress(t), cosserver.DefaultBucket, s.URL(), cosserver.DefaultSecretID)+templates)
	return h
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (h *house) write(name, text string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) start() {
	h.t.Helper()
	p, err := plugin.Start(plugin.Options{ConfigFile: "conf/recording.yml", Logf: func(l slog.Level, msg string) {
		if l >= slog.LevelError {
			h.t.Log(msg)
		}
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.p = p
	h.t.Cleanup(h.stop)
}

func (h *house) stop() {
	if h.p != nil {
		h.p.Close()
		h.p = nil
	}
}

// record runs `mediamtx record …`.
func (h *house) record(args ...string) (status int, out, errs string) {
	h.t.Helper()
	var o, e bytes.Buffer
	status = cli.Run(args, &o, &e)
	return status, o.String(), e.String()
}

// want runs a command that must end with a status and print all of the texts.
func (h *house) want(status int, args []string, texts ...string) string {
	h.t.Helper()
	got, out, errs := h.record(args...)
	all := out + errs
	if got != status {
		h.t.Errorf("record %s: status %d, want %d\n%s", strings.Join(args, " "), got, status, all)
	}
	for _, x := range texts {
		if !strings.Contains(all, x) {
			h.t.Errorf("record %s: lacks %q:\n%s", strings.Join(args, " "), x, all)
		}
	}
	return out
}

func (h *house) media() *feedtest.Media {
	return feedtest.Make(h.t, feedtest.Spec{Video: "testsrc2=s=320x180:r=25", Audio: true})
}

// publish pushes so many seconds to a path and leaves.
func (h *house) publish(path string, length time.Duration) {
	h.t.Helper()
	s := feedtest.Online(h.p.Handler(), path, h.media())
	s.Speed = 10
	s.Play(0, length)
	s.Offline("the publisher left")
}

// id waits until the recording of a stream is in a state, and returns its id.
func (h *house) id(stream, state string) string {
	h.t.Helper()
	for range 100 {
		var found []struct{ ID, State string }
		_, out, _ := h.record("list", "--json", stream)
		if json.Unmarshal([]byte(out), &found) == nil && len(found) > 0 && found[0].State == state {
			return found[0].ID
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, out, errs := h.record("list", stream)
	h.t.Fatalf("%s does not become %s:\n%s%s", stream, state, out, errs)
	return ""
}

const host = "push.example.com/"

// What was recorded is proved whole; each kind of damage is found, and named.
func TestVerify(t *testing.T) {
	h := open(t)
	h.start()
	for _, app := range []string{"near", "far", "tail", "fragments"} {
		h.publish(app+"/one", 6*time.Second)
	}
	near := h.id(host+"near/one", "interrupted")
	h.want(0, []string{"verify", near}, "not stored yet: 1 object", "mp4  not stored yet (waiting)")
	h.want(0, []string{"stop", near}, "stopped recording "+near)
	near, far := h.id(host+"near/one", "done"), h.id(host+"far/one", "done")
	tail, fragments := h.id(host+"tail/one", "done"), h.id(host+"fragments/one", "done")
	h.want(0, []string{"verify", near}, "MP4, avc1 + mp4a", "FLV, avc1 + mp4a", "AAC, ", "HLS, ", "whole: 5 objects")
	h.want(0, []string{"verify", far}, "whole: 5 objects")
	h.want(0, []string{"verify", tail}, "whole: 1 object")
	h.want(0, []string{"verify", fragments}, "whole: 2 objects")
	h.stop() // verify needs no server
	h.want(0, []string{"verify", far}, "whole: 5 objects")

	for _, pattern := range []string{"near/*/*/*.mp4", "near/*/*/*.flv", "near/*/*/*.aac", "tail/*/*/*.mp4", "near/*/*/*/000001.ts",
		"fragments/*/*/*/000001.m4s", "fragments/*/*/*/init0.mp4"} {
		h.damage(pattern, map[string]string{"near": near, "tail": tail, "fragments": fragments}[strings.SplitN(pattern, "/", 2)[0]])
	}
	h.damageFar(far)
}

// damage cuts, flips and removes an object of the local store.
func (h *house) damage(pattern, id string) {
	h.t.Helper()
	found, err := filepath.Glob("data/recordings/origin/push.example.com/" + pattern)
	if err != nil || len(found) != 1 {
		h.t.Fatalf("%s: %v %v", pattern, found, err)
	}
	name := found[0]
	whole, err := os.ReadFile(name)
	if err != nil {
		h.t.Fatal(err)
	}
	plain := filepath.Base(name) != "000001.m4s" // which lacks its init section, so what the samples are
	h.want(0, []string{"verify", name}, "whole: 1 object")
	for what, b := range map[string][]byte{
		"cut":   whole[:len(whole)*3/5+1],
		"grown": append(bytes.Clone(whole), "more"...),
		"flip":  flipped(whole, filepath.Ext(name)),
	} {
		h.write(name, string(b))
		h.t.Run(what+" "+pattern, func(t *testing.T) {
			x := &house{t: t}
			x.want(1, []string{"verify", id}, "BAD ", filepath.Base(name))
			if plain || what != "flip" {
				x.want(1, []string{"verify", name}, "1 of 1 object not whole")
			}
		})
	}
	if err := os.Remove(name); err != nil {
		h.t.Fatal(err)
	}
	h.want(1, []string{"verify", id}, filepath.Base(name)+"\n     it is missing")
	h.write(name, string(whole))
	h.want(0, []string{"verify", id})
}

// flipped changes one bit of a place on which the structure depends: a local
// store keeps no checksum of whole files.
func flipped(whole []byte, ext string) []byte {
	b := bytes.Clone(whole)
	at := 0
	switch ext {
	case ".mp4":
		if at = bytes.Index(b, []byte("stsz")); at < 0 {
			at = bytes.Index(b, []byte("trex"))
		}
	case ".m4s":
		at = bytes.Index(b, []byte("mdat")) + 4 // length of the first NAL unit
	case ".flv":
		at = 13 + 11 + (int(b[14])<<16 | int(b[15])<<8 | int(b[16])) + 2 // PreviousTagSize of onMetaData
	case ".ts":
		at = 188*5 + 3 // continuity counter
	}
	b[at+1] ^= 4
	if ext == ".ts" {
		b[at+1] ^= 4
		b[at] ^= 4
	}
	return b
}

// damageFar changes objects of the remote store; here the CRC64 tells of any bit.
func (h *house) damageFar(id string) {
	h.t.Helper()
	c, err := cos.New(config.Store{Name: "cos", Type: "cos", Bucket: cosserver.DefaultBucket, Region: "ap-guangzhou", Endpoint: h.cos.URL(),
		SecretID: cosserver.DefaultSecretID, SecretKey: cosserver.DefaultSecretKey, PartSize: 1 << 20, Concurrency: 2}, cos.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	for key := range h.cos.Objects() {
		r, ok := h.cos.Open(key)
		if !ok {
			h.t.Fatal(key)
		}
		whole, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			h.t.Fatal(err)
		}
		put := func(b []byte) {
			if _, err := c.Put(ctx, store.Object{Key: key}, bytes.NewReader(b), int64(len(b))); err != nil {
				h.t.Fatal(err)
			}
		}
		if ext := filepath.Ext(key); ext == ".mp4" || ext == ".flv" || ext == ".aac" || strings.HasSuffix(key, "_eof.m3u8") {
			b := bytes.Clone(whole)
			b[len(b)*2/3] ^= 1
			put(b)
			h.want(1, []string{"verify", id}, "its CRC64 is")
		}
		put(whole[:len(whole)-1])
		h.want(1, []string{"verify", id}, "not whole")
		if err := c.Delete(ctx, key); err != nil {
			h.t.Fatal(err)
		}
		h.want(1, []string{"verify", id}, "it is missing")
		put(whole)
	}
	h.want(0, []string{"verify", id})
	h.cos.Inject(cosserver.Fault{Kind: cosserver.ShortGet, Times: 2})
	h.want(0, []string{"verify", id}, "whole: 5 objects") // broken connections are no damage
	h.cos.Inject(cosserver.Fault{Kind: cosserver.Denied})
	h.want(1, []string{"verify", id}, "it can't be read")
	h.cos.ClearFaults()
	os.Unsetenv("COS_KEY")
	h.want(1, []string{"verify", id}, "the environment lacks COS_KEY")
}

// list, show, start, stop, explain and events with a server and without one.
func TestOperate(t *testing.T) {
	h := open(t)
	h.want(0, []string{"check"}, "conf/recording.yml: ok")
	h.want(1, []string{"list"}, "there is no data/state.db yet")
	h.want(1, []string{"start", host + "near/one"}, "it is not running, or was started in another folder")
	h.want(0, []string{"explain", host + "near/secret"}, "Not recorded: the template nothing has no format", "without what is live now")
	h.start()
	h.want(0, []string{"list"}, "no recordings")
	os.Unsetenv("COS_KEY") // an operator's shell; only the server has the secrets

	s := feedtest.Online(h.p.Handler(), "near/one", h.media())
	s.Speed = 10
	s.Play(0, 3*time.Second)
	id := h.id(host+"near/one", "recording")
	h.want(0, []string{"list"}, id, host+"near/one", "recording", "rule */near/*")
	h.want(0, []string{"explain", host + "near/one"}, "Live now: path near/one by rtmp from 192.0.2.1:4242", "recording "+id, "recorded by recording.yml:")
	h.want(0, []string{"show", id}, "recording    "+id, "mp4", "flv", "aac", "hls", "near/one")
	h.want(1, []string{"verify", "999999999999999999"}, "there is no recording and no file 999999999999999999")

	out := h.want(0, []string{"start", host + "near/one", "--for", "1h30m", "--template", "tail"}, "is recorded by task")
	task := strings.Fields(out[strings.Index(out, "record stop ")+len("record stop "):])[0]
	s.Play(3*time.Second, 6*time.Second)
	h.want(0, []string{"list", "--state", "recording"}, "task "+task, id)
	h.want(0, []string{"explain", host + "near/one"}, "by task "+task+", template tail")
	h.want(0, []string{"stop", task}, "stopped task "+task)
	h.want(1, []string{"start", host + "near/one", "--template", "no"}, `There is no template "no"`)
	s.Offline("")
	h.id(host+"near/one", "done") // of the task; it waits for nothing
	out = h.want(0, []string{"list", "--state", "interrupted"}, id, "59m")
	if strings.Contains(out, task) {
		t.Error(out)
	}
	h.want(0, []string{"stop", host + "near/one"}, "stopped recording "+id)
	h.want(1, []string{"stop", host + "near/one"}, "Nothing records that stream")

	feedtest.Online(h.p.Handler(), "near/secret", h.media(), func(p *hooks.Publication) { p.Query = "token=hush" })
	out = h.want(0, []string{"explain", host + "near/secret"}, "Live now: path near/secret", "has no format: not recorded")
	if strings.Contains(out, "hush") {
		t.Error("a secret is shown:", out)
	}
	h.want(0, []string{"events"}, "record_start_succeeded", "no endpoint is subscribed")
	h.want(1, []string{"events", "--resend", "nope"}, "not found")
	h.want(1, []string{"doctor"}, "answers at", "lacks COS_KEY")
	t.Setenv("COS_KEY", cosserver.DefaultSecretKey)
	h.want(0, []string{"doctor"}, "runs", "answers at", "put object", "All is well")

	h.stop()
	h.want(0, []string{"list"}, id, "From the state alone: no server answers: it is not running")
	h.want(0, []string{"show", id}, "done")
	h.want(0, []string{"events"}, "record_start_succeeded", "From the state")
	h.want(1, []string{"stop", id}, "no server answers: it is not running")
	h.want(0, []string{"explain", host + "far/x"}, "by template far", "without what is live now")
	if _, out, _ := h.record("list", "--json"); !json.Valid([]byte(out)) {
		t.Error(out)
	}
}

// recover tells what the next start does, changes nothing, and is right.
func TestRecover(t *testing.T) {
	h := open(t)
	h.want(2, []string{"recover"}, "--dry-run")
	h.want(0, []string{"recover", "--dry-run"}, "Nothing is to be recovered")
	h.start()
	h.cos.Inject(cosserver.Fault{Kind: cosserver.Outage, Delay: time.Hour})
	s := feedtest.Online(h.p.Handler(), "far/one", h.media())
	n := feedtest.Online(h.p.Handler(), "near/one", h.media())
	s.Speed, n.Speed = 10, 10
	s.Play(0, 5*time.Second)
	n.Play(0, 5*time.Second)
	time.Sleep(2 * time.Second) // parts of files are flushed every second

	// As after a crash: a copy of all that is there.
	t.Chdir(crashed(t))
	torn, err := filepath.Glob("data/spool/grow-*-mp4.body")
	if err != nil || len(torn) != 1 {
		t.Fatal(torn, err)
	}
	f, err := os.OpenFile(torn[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("torn off"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	before := snapshot(t)
	out := h.want(0, []string{"recover", "--dry-run"}, "finish  cos ", "8 torn bytes are cut off", "wait    local", "goes on if the publisher returns until")
	if strings.Contains(out, "A server runs") {
		t.Error(out)
	}
	if after := snapshot(t); after != before {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
	h.write("keep", "")
	for _, ext := range []string{"", "-wal", "-shm", ".lock"} {
		os.Remove("data/state.db" + ext)
	}
	h.want(0, []string{"recover", "--dry-run"}, "There is no data/state.db", "take up", "the state does not know it")
}

// crashed copies the working directory as a crash would leave it.
func crashed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, name)
		if d.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		b, err := os.ReadFile(name)
		if err != nil || strings.HasSuffix(name, "-shm") {
			return err
		}
		info, err := d.Info()
		if err == nil {
			err = os.WriteFile(to, b, 0o600)
		}
		if err == nil {
			err = os.Chtimes(to, info.ModTime(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// snapshot describes all files but what SQLite keeps beside the state to read it.
func snapshot(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, "-shm") {
			return err
		}
		text, err := os.ReadFile(name)
		fmt.Fprintf(&b, "%s %d %x\n", name, len(text), len(text)%251)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// doctor names what is missing, and how to mend it.
func TestDoctor(t *testing.T) {
	h := openWith(t, cosserver.Options{ClockSkew: -3 * time.Minute})
	h.want(1, []string{"doctor"}, "the bucket has no rule", "aborts incomplete multipart uploads", "is made by the server when it starts",
		"no; nobody uses", "set this machine's clock (NTP)")
	if _, err := os.Stat("data"); err == nil {
		t.Error("doctor made the data folder")
	}
	h = open(t)
	h.want(0, []string{"doctor"}, "All is well")
	for fault, text := range map[cosserver.Fault]string{
		{Kind: cosserver.Denied, Op: "put"}:      "put object",
		{Kind: cosserver.Denied, Op: "get"}:      "get object",
		{Kind: cosserver.Denied, Op: "head"}:     "head object",
		{Kind: cosserver.Denied, Op: "initiate"}: "multipart upload",
		{Kind: cosserver.Denied, Op: "complete"}: "multipart upload",
		{Kind: cosserver.Denied, Op: "delete"}:   "delete object",
		{Kind: cosserver.NoBucket}:               "put object",
		{Kind: cosserver.BadSignature}:           "put object",
		{Kind: cosserver.BadKey}:                 "put object",
	} {
		h.cos.Inject(fault)
		out := h.want(1, []string{"doctor"}, "to fix:")
		named := false
		for _, line := range strings.Split(out, "\n") {
			named = named || strings.HasPrefix(line, "BAD  store cos") && strings.Contains(line, text)
		}
		if !named {
			t.Errorf("%v: %q is not called bad:\n%s", fault, text, out)
		}
		h.cos.ClearFaults()
	}
	var found []struct {
		OK           bool
		What, Remedy string
	}
	h.cos.Inject(cosserver.Fault{Kind: cosserver.Denied})
	_, out, _ := h.record("doctor", "--json")
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if !f.OK && f.Remedy == "" {
			t.Errorf("%s has no remedy", f.What)
		}
	}
	h.cos.ClearFaults()
	os.Unsetenv("COS_KEY")
	out = h.want(1, []string{"doctor"}, "lacks COS_KEY")
	if strings.Contains(out, "put object") {
		t.Error("a store was tried without its secret:", out)
	}
	h.write("data/recordings", "in the way")
	h.want(1, []string{"doctor"}, "BAD  store local")
}
