package cos

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/internal/store"
)

func TestParsePair(t *testing.T) {
	want := pair{"AKID", "key==", "tok"}
	for _, text := range []string{
		`{"secretID":"AKID","secretKey":"key==","sessionToken":"tok"}`,
		"\ufeff{\"SecretId\":\"AKID\",\"SecretKey\":\"key==\",\"sessiontoken\":\"tok\"}\n",
		"AKID\nkey==\ntok\n",
		"\r\nAKID\r\n\r\nkey==\r\ntok",
		"secretID=AKID\nsecretKey=key==\nsessionToken=tok",
		"# kept by vault\nTENCENTCLOUD_SECRET_ID = AKID\nexport TENCENTCLOUD_SECRET_KEY='key=='\nTENCENTCLOUD_SESSION_TOKEN=\"tok\"\n",
	} {
		got, err := parsePair(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]pair{"key\n": {key: "key"}, "AKID\nkey": {id: "AKID", key: "key"}} {
		got, err := parsePair(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "\n\n", "{", `{"secretID":"x"}`, "a\nb\nc\nd", "secretID=x"} {
		_, err := parsePair(text)
		require.Error(t, err, text)
	}
}

func TestVerdicts(t *testing.T) {
	require.Equal(t, time.Duration(0), retryAfter("soon"))
	require.Equal(t, 7*time.Second, retryAfter("7"))
	require.Equal(t, time.Duration(0), retryAfter("-7"))
	at := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
	require.InDelta(t, 60, retryAfter(at).Seconds(), 2)
	for code, v := range verdicts {
		require.Equal(t, v.kind == store.KindPermanent, v.remedy != "", "%s: a remedy goes with what cannot heal by itself", code)
	}
}

func TestEscapeUpToKeepsCharactersWhole(t *testing.T) {
	require.Equal(t, "a%C3%BC", escapeUpTo("aüü", 9))
	require.Equal(t, "%FF%80a", escapeUpTo("\xff\x80a", 100), "what is no UTF-8 is kept")
	require.Equal(t, "", escapeUpTo("🎥", 11))
}

func FuzzParsePair(f *testing.F) {
	f.Add(`{"secretKey":"x"}`)
	f.Add("a\nb")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := parsePair(text); err == nil && p.key == "" {
			t.Fatal("a pair without a key")
		}
	})
}
