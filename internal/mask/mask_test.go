package mask

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuery(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "",
		"a=1&b=2%20c&d":                   "a=1&b=2%20c&d",
		"txSecret=abc&txTime=65A0":        "txSecret=***&txTime=65A0",
		"user=me&pass=a=b":                "user=me&pass=***",
		"PassWord=x&TOKEN=y&Jwt=z":        "PassWord=***&TOKEN=***&Jwt=***",
		"%70ass=x&p%41ss=y":               "%70ass=***&p%41ss=***",
		"%2570ass=x":                      "%2570ass=***",
		"token%3Dabc":                     "***",
		"pass=a;b,c&x=1":                  "pass=***&x=1",
		"x=1;pass=a;b":                    "x=***",
		"u=http%3A%2F%2Fh%3Ftoken%3Dabc":  "u=***",
		"access_token=a":                  "access_token=***",
		"pass%zz=a&pass=b":                "pass%zz=a&pass=***",
		"+pass=a":                         "+pass=***",
		"bypass=1&tokens=2&passage=3":     "bypass=1&tokens=2&passage=3",
		"pass=":                           "pass=***",
		"%25252525252570ass=x":            "***",
		"100%&a=%":                        "100%&a=%",
		"\xff\xfepass=1&ok=\x00":          "\xff\xfepass=***&ok=\x00",
		"#!::r=live/a,u=me,pass=x,token=": "#!::r=***",
	} {
		require.Equal(t, want, Query(in), in)
		require.Equal(t, want, Query(want), "twice: %s", in)
	}
}

func TestStreamID(t *testing.T) {
	for in, want := range map[string]string{
		"#!::m=publish,r=cam,u=me,s=a,b":   "#!::m=publish,r=cam,u=me,s=***",
		"#!::h=host,r=cam":                 "#!::h=host,r=cam",
		"publish:cam:me:secret:token=a&b=": "publish:cam:me:***:token=***&b=",
		"publish:cam":                      "publish:cam",
	} {
		require.Equal(t, want, StreamID(in), in)
	}
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"a=1", "pass=x;y", "%70ass=1%26", "txSecret%3d", "%%25", "#!::s=1"} {
		f.Add(s, s, byte(3))
	}
	names := []string{"pass", "PASSWORD", "Token", "jwt", "txSecret", "%74oken", "%6a%77t", "%2570ass"}
	f.Fuzz(func(t *testing.T, before, value string, n byte) {
		const mark = "SeCrEtVaLuE"
		name := names[int(n)%len(names)]
		value = strings.ReplaceAll(value, "&", "")
		raw := before + "&" + name + "=" + value + mark + "&last=1"
		if got := Query(raw); strings.Contains(got, mark) || !strings.HasSuffix(got, "&last=1") {
			t.Fatalf("%q: %q", raw, got)
		}
		if got := Query(url.QueryEscape(raw)); strings.Contains(got, mark) {
			t.Fatalf("encoded %q: %q", raw, got)
		}
		if once := Query(before); Query(once) != once {
			t.Fatalf("%q: %q, then %q", before, once, Query(once))
		}
		StreamID(before)
	})
}
