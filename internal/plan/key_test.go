package plan

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/config/keytemplate"
)

var testStart = time.Date(2026, 2, 2, 11, 20, 17, 45_000_000, time.UTC)

func values(domain, app, name string) KeyValues {
	return KeyValues{
		Stream: Stream{domain, app, name}, RecordID: 1807121258070784645,
		RandomID: "6d97196c6eec4b66b62355185cf34146", Start: testStart, End: testStart.Add(time.Hour),
	}
}

func TestKeyPlaceholders(t *testing.T) {
	v := values("push.example.com", "live/room", "0202")
	for template, want := range map[string]string{
		"":                                       "origin/push.example.com/live/room/0202/1807121258070784645/2026-02-02-11-20-17",
		config.DefaultPath:                       "origin/push.example.com/live/room/0202/1807121258070784645/2026-02-02-11-20-17",
		"/live/{StreamID}/{RecordId}-{RandomID}": "live/0202/1807121258070784645-6d97196c6eec4b66b62355185cf34146",
		"{StartHour}{StartMinute}{StartMillisecond}_{EndYear}-{EndMonth}-{EndDay}-{EndHour}-{EndMinute}-{EndSecond}-{EndMillisecond}": "1120045_2026-02-02-12-20-17-045",
		"a-{AppName}-b/c":    "a-live/room-b/c",
		"{Domain}{Domain}/x": "push.example.compush.example.com/x",
		"plain":              "plain",
		"dt=2026 & more/x!y": "dt=2026 & more/x!y",
		// what keytemplate.Check refuses is made harmless all the same
		"{Nope}/{StreamID}": "_Nope_/0202",
		"{StreamID":         "_StreamID",
		"a//../b/./c/":      "a/__/b/_/c",
		"a\\b\n/{StreamID}": "a_b_/0202",
		"////":              "origin/push.example.com/live/room/0202/1807121258070784645/2026-02-02-11-20-17",
		".{StreamID}. ":     "_0202__",
	} {
		require.Equal(t, want, Key(template, v), "%q", template)
	}

	v.Zone = time.FixedZone("UTC+8", 8*3600)
	require.Equal(t, "2026-02-02-19-20-17", Key("{StartYear}-{StartMonth}-{StartDay}-{StartHour}-{StartMinute}-{StartSecond}", v))
	v.RecordSource, v.RecordID = "1001", 42
	require.Equal(t, "1001/0000000000000000042", Key("{RecordSource}/{RecordId}", v))
}

func TestKeyHostileNames(t *testing.T) {
	const template = "rec/{Domain}/{AppName}/{StreamID}/{RecordId}"
	const spaced = " a "
	h := mark
	for in, want := range map[string]string{
		"cam1": "cam1", "a.b": "a.b", "a..b": "a..b", "a_b": "a_b", "~user@host": "~user@host",
		"直播间": "直播间", "😀": "😀", "👩‍💻": "👩‍💻", "👁️‍🗨️": "👁️‍🗨️", "می\u200cخواهم": "می\u200cخواهم", "é": "é", "\ufffd": "\ufffd",

		"..": "__" + h(".."), ".": "_" + h("."), "": "_" + h(""), ".hidden": "_hidden" + h(".hidden"),
		"a.": "a_" + h("a."), "a...": "a___" + h("a..."), spaced: "_a_" + h(spaced), "-rf": "_rf" + h("-rf"),
		"a/b": "a_b" + h("a/b"), "../../etc/passwd": "___.._etc_passwd" + h("../../etc/passwd"),
		"a\x00b": "a_b" + h("a\x00b"), "a\r\n\tb": "a_b" + h("a\r\n\tb"), `a\b`: "a_b" + h(`a\b`),
		`"'` + "`<>": "_" + h(`"'`+"`<>"), "a?b#c%d&e+f": "a_b_c_d_e_f" + h("a?b#c%d&e+f"), "a:b": "a_b" + h("a:b"),
		"a\xffb": "a_b" + h("a\xffb"), "a\u202eb": "a_b" + h("a\u202eb"), "a\u200db": "a_b" + h("a\u200db"),
		"a\u2028b": "a_b" + h("a\u2028b"), "a\u00a0b": "a_b" + h("a\u00a0b"), "a!b": "a_b" + h("a!b"),
		"a\x7fb": "a_b" + h("a\x7fb"), "a\u0085b": "a_b" + h("a\u0085b"), "{RandomID}": "_RandomID_" + h("{RandomID}"),

		"cam.mp4": "cam.mp4" + h("cam.mp4"), "cam.M3U8": "cam.M3U8" + h("cam.M3U8"), "x_eof": "x_eof" + h("x_eof"),
		"init0": "init0" + h("init0"), "init": "init", "initial": "initial", "a.tsx": "a.tsx",
		strings.Repeat("x", 2000): strings.Repeat("x", 163) + h(strings.Repeat("x", 2000)),
		strings.Repeat("é", 100):  strings.Repeat("é", 81) + h(strings.Repeat("é", 100)),
	} {
		key := Key(template, values("d", "live", in))
		require.Equal(t, "rec/d/live/"+want+"/1807121258070784645", key, "%q", in)
		checkKey(t, template, key)
		key = Key(template, values(in, "live", "s"))
		require.Equal(t, "rec/"+want+"/live/s/1807121258070784645", key, "%q", in)
	}
	for in, want := range map[string]string{
		"live/room": "live/room", "a/../b": "a/__" + h("..") + "/b", "/a": "_" + h("") + "/a", "a//b": "a/_" + h("") + "/b",
		"a/": "a/_" + h(""), "a/x.mp4/b": "a/x.mp4" + h("x.mp4") + "/b",
	} {
		require.Equal(t, "rec/d/"+want+"/s/1807121258070784645", Key(template, values("d", in, "s")), "%q", in)
	}
}

func TestKeyKeepsNamesApart(t *testing.T) {
	names := []string{"", "_", ".", "..", "__", "a?b", "a*b", "a_b", "a b", "a\x00b", "a\nb", "a!b", "a.", "a_", ".a", "_a",
		"\xff", "\xfe", "x.mp4", "x_mp4", "cam", "cam_eof", strings.Repeat("x", 2000), strings.Repeat("x", 2001), strings.Repeat("x", 180), strings.Repeat("x", 181)}
	for _, n := range names { // a name that looks like the result of another
		names = append(names, path.Base(Key("{StreamID}", values("d", "a", n))))
	}
	seen := map[string]string{}
	for _, n := range names {
		k := Key("p/{StreamID}/x", values("d", "a", n))
		if was, dup := seen[k]; dup && was != n {
			t.Errorf("%q and %q share %q", was, n, k)
		}
		seen[k] = n
	}
}

func TestKeyFitsWhateverIsTyped(t *testing.T) {
	long := strings.Repeat("界", 700)
	deep := strings.Repeat("a/", 1000) + "b"
	for _, v := range []KeyValues{
		values(long, long, long), values(long, deep, long), values(long, strings.Repeat(long+"/", 5), long),
		values(long, strings.Repeat("/", 2000), ".."), values(long, strings.Repeat("x.ts/", 400), "init0"),
	} {
		key := Key(config.DefaultPath, v)
		checkKey(t, config.DefaultPath, key)
		require.True(t, strings.HasSuffix(key, "/1807121258070784645/2026-02-02-11-20-17"), "id and time survive: %s", key)
		for _, template := range []string{
			strings.Repeat("{StreamID}/", 30) + "{RecordId}", strings.Repeat("{StreamID}", 9),
			strings.Repeat("x", 390) + "/{AppName}/{AppName}/{RecordId}", strings.Repeat("folder/", 500) + "{StreamID}",
			strings.Repeat("x", 5000), strings.Repeat("{RandomID}", 190),
		} {
			checkKey(t, template, Key(template, v))
		}
	}
	// the hash of the last resort covers all that was cut
	template := strings.Repeat("{RandomID}", 60) + "{StreamID}"
	require.NotEqual(t, Key(template, values("d", "a", "x")), Key(template, values("d", "a", "y")))
}

// checkKey asserts what holds for every key.
func checkKey(t *testing.T, template, key string) {
	t.Helper()
	prefix := Prefix(template)
	if !strings.HasPrefix(key, prefix) || len(key) == len(prefix) {
		t.Fatalf("%q is not below %q", key, prefix)
	}
	if path.Clean(key) != key || path.IsAbs(key) || !filepath.IsLocal(key) || !utf8.ValidString(key) {
		t.Fatalf("not clean: %q", key)
	}
	for _, r := range key {
		if unicode.IsControl(r) || strings.ContainsRune("\\\"<>|?*:#%`^{}", r) {
			t.Fatalf("%q in %q", r, key)
		}
	}
	// the longest names that can come from it, with what a store hides them behind
	unique := key + "-1234567890123456789"
	for _, name := range []string{
		Final(unique, config.MP4), Final(unique, config.HLS), LivePlaylist(unique),
		Piece(unique, 1000000, true), Piece(unique, 0, false), InitPiece(unique, 100),
	} {
		if len(name) > 850 {
			t.Fatalf("%d bytes: %q", len(name), name)
		}
		for c := range strings.SplitSeq(name, "/") {
			if len(c) > 255 || c == "" || strings.Trim(c, ".") == "" || c[0] == '.' || strings.HasSuffix(c, ".") || strings.TrimSpace(c) != c {
				t.Fatalf("component %q of %q", c, name)
			}
		}
	}
	for c := range strings.SplitSeq(key, "/") {
		if keytemplate.Reserved(c) {
			t.Fatalf("%q of %q looks like a file", c, key)
		}
	}
	if last := path.Base(Final(unique, config.HLS)); len(last) > 255-20 {
		t.Fatalf("no room to hide %q", last)
	}
}

func FuzzKey(f *testing.F) {
	f.Add(config.DefaultPath, "push.example.com", "live/room", "cam1", "0")
	f.Add("rec/{AppName}-{StreamID}.x", "..", "a/../b", "\x00\n", "")
	f.Add("{StreamID}/{StreamID}", "d", strings.Repeat("/", 300), strings.Repeat("é", 500), "x")
	f.Add("a/./..//{Nope/{EndYear}", "", "", "x_eof", "\xff")
	f.Fuzz(func(t *testing.T, template, domain, app, name, random string) {
		v := KeyValues{Stream: Stream{domain, app, name}, RandomID: random, RecordID: 1, Start: testStart}
		key := Key(template, v)
		checkKey(t, template, key)
		if key != Key(template, v) {
			t.Fatal("not a function")
		}
		// A template of the operator's making keeps names apart.
		v2 := v
		v2.Stream = Stream{"d", app, name + "?"}
		v.Stream.Domain = "d"
		const safe = "p/{AppName}/{StreamID}"
		if Key(safe, v) == Key(safe, v2) {
			t.Fatalf("%q and %q share a key", name, name+"?")
		}
		if keytemplate.Check(template, false) == nil && strings.HasSuffix(prefixOf(template), "/") {
			if want := strings.TrimPrefix(prefixOf(template), "/"); Prefix(template) != want {
				t.Fatalf("prefix of %q is %q, not %q", template, Prefix(template), want)
			}
		}
	})
}

// prefixOf is the text of a template up to the last slash before a placeholder.
func prefixOf(template string) string {
	before, _, _ := strings.Cut(template, "{")
	return before[:strings.LastIndexByte(before, '/')+1]
}

func TestKeysCanBeFiles(t *testing.T) {
	// on this machine's file system, hostile names and all
	dir := t.TempDir()
	for i, n := range []string{"..", "a\x00", strings.Repeat("界", 700), "cam.mp4", "cam", "-x", "😀"} {
		v := values(n, n+"/"+n, n)
		v.RecordID = int64(i)
		file := filepath.Join(dir, Piece(Key(config.DefaultPath, v), 0, true))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, nil, 0o600))
	}
}

// What the grammar accepts comes out unchanged.
func TestGoodTemplatesStay(t *testing.T) {
	for _, good := range []string{
		config.DefaultPath, "/" + config.DefaultPath, "{StreamID}", "rec 2026/dt={StartYear}/{RecordId}-{RandomID}", "a/b", "直播/{AppName}",
	} {
		require.Empty(t, keytemplate.Check(good, true), good)
		require.NotContains(t, Key(good, values("d", "a", "s")), "_")
	}
}

func TestEveryPlaceholderIsExpanded(t *testing.T) {
	require.Len(t, keytemplate.Placeholders, 20)
	seen := map[string]bool{}
	for _, name := range keytemplate.Placeholders {
		v := values("d", "a", "s")
		v.Start = time.Date(2026, 2, 3, 4, 5, 6, 7_000_000, time.UTC)
		v.End = time.Date(2127, 12, 13, 14, 15, 16, 17_000_000, time.UTC)
		key := Key("{"+name+"}", v)
		require.False(t, seen[key], "%s gives %s", name, key)
		seen[key] = true
	}
}

func TestNames(t *testing.T) {
	require.Equal(t, "k.mp4", Final("k", config.MP4))
	require.Equal(t, "k.flv", Final("k", config.FLV))
	require.Equal(t, "k.aac", Final("k", config.AAC))
	require.Equal(t, "k_eof.m3u8", Final("k", config.HLS))
	require.Equal(t, "k.m3u8", LivePlaylist("k"))
	require.Equal(t, "k/000000.ts", Piece("k", 0, false))
	require.Equal(t, "k/000012.m4s", Piece("k", 12, true))
	require.Equal(t, "k/init0.mp4", InitPiece("k", 0))
}

func TestUnique(t *testing.T) {
	for _, c := range [][]string{
		{"a/cam", "a/cam-2", "a/cam-3"},
		{"a/cam.1", "a/cam.1-2", "a/cam.1-3"},
		{"a/cam.mp4", "a/cam-2.mp4", "a/cam-3.mp4"},
		{"a/cam_eof.m3u8", "a/cam-2_eof.m3u8"},
		{"a/cam.m3u8", "a/cam-2.m3u8"},
	} {
		taken := map[string]bool{}
		for _, want := range c {
			got := Unique(c[0], func(k string) bool { return taken[k] })
			require.Equal(t, want, got)
			taken[got] = true
		}
	}
}

func TestIDs(t *testing.T) {
	require.Equal(t, TemplateID("everything"), TemplateID("everything"))
	require.NotEqual(t, TemplateID("everything"), TemplateID("nothing"))
	require.Equal(t, RuleID("A.example", "live", ""), RuleID("a.example", "live", ""))
	require.NotEqual(t, RuleID("a", "b", ""), RuleID("a", "", "b"))
	for i := range 1000 {
		id := TemplateID(fmt.Sprint(i))
		require.GreaterOrEqual(t, id, int64(1<<52))
		require.Less(t, id, int64(1<<53))
	}
	require.Regexp(t, "^[0-9a-f]{32}$", NewRandomID())
	require.NotEqual(t, NewRandomID(), NewRandomID())
}

func TestNewRecordIDIsUnique(t *testing.T) {
	now := time.Now()
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			last := int64(0)
			for range 1000 {
				id := NewRecordID(now)
				if id <= last {
					t.Errorf("%d after %d", id, last)
				}
				last = id
				mu.Lock()
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(t, seen, 8000)
	for id := range seen {
		require.Len(t, fmt.Sprint(id), 19)
	}
	require.Len(t, fmt.Sprint(NewRecordID(time.Unix(0, 0))), 19)
}

func BenchmarkKey(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		v := values("push.example.com", "live/room", "cam1")
		for b.Loop() {
			Key(config.DefaultPath, v)
		}
	})
	b.Run("hostile", func(b *testing.B) {
		v := values("..", strings.Repeat("x/", 1000), strings.Repeat("界", 700))
		for b.Loop() {
			Key(config.DefaultPath, v)
		}
	})
}
