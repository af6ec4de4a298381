package keytemplate

import (
	"reflect"
	"strings"
	"testing"
)

func TestCheckAccepts(t *testing.T) {
	for _, good := range []string{
		Default, "/" + Default, "{StreamID}", "rec 2026/dt={StartYear}/{RecordId}-{RandomID}", "a/b", "直播/{AppName}", "init", "eof", "a.mp4b",
		strings.Repeat("x", MaxLength),
	} {
		for _, growing := range []bool{false, true} {
			if f := Check(good, growing); f != nil {
				t.Errorf("%s: %v", good, f)
			}
		}
	}
	if f := Check("{StreamID}/{EndHour}", false); f != nil {
		t.Error(f)
	}
}

// Each template has the faults whose texts begin as listed.
func TestCheckRefuses(t *testing.T) {
	for bad, want := range map[string][]string{
		"": {"names no file"}, "///": {"names no file"}, "a/": {"ends with /"}, "a//{StreamID}": {"holds an empty"},
		"../{StreamID}": {"holds an empty folder name, . or .."}, "./x": {"holds an empty"}, ".x/y": {"has a folder or file name that begins"},
		"x./y": {"has a folder"}, "x /y": {"has a folder"}, "-x/y": {"has a folder"},
		"{Stream}": {"holds {Stream}, which is not known. Known: {RecordSource} {Domain}"}, "{streamid}": {"holds {streamid}, which is not known"}, "{}": {"holds {}, which is"},
		"{StreamID": {"holds a { or } without"}, "a}b": {"holds a { or }"}, "{{StreamID}}": {"holds a { or }"},
		"../{X}/{Y}": {"holds an empty", "holds {X}", "holds {Y}"},
		"a\\b":       {"holds one of"}, "a\x00b": {"holds one of"}, "a?b": {"holds one of"}, "a\xffb": {"holds one of"}, "a\u200bb": {"holds one of"},
		"{StreamID}.mp4": {"has a name that looks like"}, "{StreamID}_EOF": {"has a name that looks"}, "a/init12": {"has a name that looks"}, "x.TS/y": {"has a name"},
		strings.Repeat("x", MaxLength+1):     {"is longer than 400 bytes"},
		"{" + strings.Repeat("x", 120) + "}": {"holds a placeholder, which is not known"},
	} {
		got := Check(bad, false)
		ok := len(got) == len(want)
		for i := 0; ok && i < len(got); i++ {
			ok = strings.HasPrefix(got[i].Error(), want[i]) && got[i].Remedy != ""
		}
		if !ok {
			t.Errorf("%.50q: %v, want %v", bad, got, want)
		}
	}
	f := Check("{RecordId}{EndYear}", true)
	if len(f) != 1 || f[0].Text(true) != "holds {EndYear}, which is not known while the playlist grows" || strings.Contains(f[0].Text(false), "EndYear") {
		t.Error(f)
	}
}

func TestParse(t *testing.T) {
	got := Parse("/a{StreamID}b//{Nope}{EndDay}/{x")
	want := [][]Part{{{Literal: "a"}, {Name: "StreamID"}, {Literal: "b"}}, {{Literal: "{Nope}"}, {Name: "EndDay"}}, {{Literal: "{x"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if Parse("//") != nil {
		t.Error("components of nothing")
	}
}

func TestQuestions(t *testing.T) {
	for template, want := range map[string][2]bool{
		Default: {false, true}, "{EndMillisecond}": {true, false}, "{StreamID}": {false, false}, "{RandomID}/{EndDay}": {true, true}, "EndDay": {false, false},
	} {
		if got := [2]bool{UsesEnd(template), Distinct(template)}; got != want {
			t.Errorf("%s: %v", template, got)
		}
	}
}

// What Check accepts needs no change: each component is as a key may have it.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{Default, "a/{StreamID}.mp4", "../x", "{", "a\xff", "{StreamID}{StreamID}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, template string) {
		if Check(template, false) != nil {
			return
		}
		if UsesEnd(template) == (Check(template, true) == nil) {
			t.Fatal("an {End…} for a playlist")
		}
		for _, c := range Parse(template) {
			text := ""
			for _, p := range c {
				if s, changed := Literal(p.Literal); changed {
					t.Fatalf("%q becomes %q", p.Literal, s)
				}
				text += p.Literal
				if p.Name != "" {
					text += "x"
				}
			}
			if text == "" || text != Edges(text) || Reserved(text) {
				t.Fatalf("component %q", text)
			}
		}
	})
}
