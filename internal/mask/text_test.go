package mask

import (
	"encoding/json"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"live/直播 é":                 "live/直播 é",
		"a\nb\tc\rd\x1b[2J\x7f":     `a\nb\tc\rd\x1b[2J\x7f`,
		"\u0085x\u009b31m":          `\u0085x\u009b31m`,
		"\u202egpj.exe\u2066\u2069": `\u202egpj.exe\u2066\u2069`,
		"a\u200b\u200e\u061c\ufeff": `a\u200b\u200e\u061c\ufeff`,
		"\u2028\u2029\u00ad":        `\u2028\u2029\u00ad`,
		"\xff\x9b":                  `\xff\x9b`,
		"\ufffd":                    "\ufffd",
		`back\slash`:                `back\slash`,
	} {
		require.Equal(t, want, Text(in), "%q", in)
		require.Equal(t, want, Text(want), "twice: %q", in)
		require.Equal(t, in == want, Printable(in), "%q", in)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\u202eb\x9b\xff\U000e0041")
	f.Fuzz(func(t *testing.T, s string) {
		data, err := json.Marshal(s)
		require.NoError(t, err)
		harmless := JSON(string(data))
		for _, out := range []string{Text(s), harmless} {
			for _, r := range out {
				if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
					t.Fatalf("%q holds %q", out, r)
				}
			}
		}
		var was, is string
		require.NoError(t, json.Unmarshal(data, &was))
		require.NoError(t, json.Unmarshal([]byte(harmless), &is), "%q", harmless)
		require.Equal(t, was, is)
	})
}
