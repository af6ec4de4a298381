package cosserver

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseFaults(t *testing.T) {
	got, err := ParseFaults(" part:slow-down:p=0.05, complete:late-error:times=2:delay=3s,*:drop-before:key=a:skip=4:part=7:rate=9 ,")
	require.NoError(t, err)
	require.Equal(t, []Fault{
		{Op: "part", Kind: SlowDown, P: 0.05},
		{Op: "complete", Kind: LateError, Times: 2, Delay: 3 * time.Second},
		{Kind: DropBefore, Key: "a", Skip: 4, Part: 7, Rate: 9},
	}, got)
	for _, bad := range []string{"x", "put:nonsense", "put:slow:rate", "put:slow:what=1", "put:slow:delay=3"} {
		_, err := ParseFaults(bad)
		require.Error(t, err, bad)
	}
}

func TestFaultsAreDrawnFromTheSeed(t *testing.T) {
	draw := func(seed uint64) string {
		s, err := New(Options{Seed: seed})
		require.NoError(t, err)
		s.Inject(Fault{Kind: SlowDown, Op: "put", P: 0.3}, Fault{Kind: Denied, Op: "put", P: 0.3})
		out := ""
		for range 100 {
			out += s.faults.pick("put", "k", 0).Kind + " "
		}
		return out
	}
	require.Equal(t, draw(1), draw(1))
	require.NotEqual(t, draw(1), draw(2))
}

func TestFaultsCount(t *testing.T) {
	s, err := New(Options{})
	require.NoError(t, err)
	s.Inject(Fault{Kind: Denied, Op: "part", Part: 2, Skip: 1, Times: 2})
	var got []string
	for _, part := range []int{1, 2, 2, 3, 2, 2} {
		got = append(got, s.faults.pick("part", "k", part).Kind)
	}
	require.Equal(t, []string{"", "", Denied, "", Denied, ""}, got)
	require.Equal(t, map[string]int{Denied: 2}, s.Struck())
	s.Inject(Fault{Kind: LateOK})
	require.Empty(t, s.faults.pick("put", "k", 0).Kind, "means nothing to a put")
	s.ClearFaults()
	require.Empty(t, s.faults.pick("complete", "k", 0).Kind)
}

func TestObjectsOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	s, err := New(Options{Dir: dir})
	require.NoError(t, err)
	require.Empty(t, code(t, s, signed("PUT", "http://h/a/b", nil)))
	require.Empty(t, code(t, s, signed("POST", "http://h/big?uploads=", nil)))
	id := s.OpenUploads()[0].ID
	require.Empty(t, code(t, s, signed("PUT", "http://h/big?partNumber=1&uploadId="+id, nil)))

	s, err = New(Options{Dir: dir, PublicRead: true})
	require.NoError(t, err)
	require.Equal(t, int64(4), s.Objects()["a/b"].Size)
	require.Equal(t, map[int]int64{1: 4}, s.OpenUploads()[0].Parts)
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://h/a/b", nil)
	r.Header.Set("Range", "bytes=1-2")
	s.ServeHTTP(w, r)
	require.Equal(t, http.StatusPartialContent, w.Code)
	require.Equal(t, "od", w.Body.String())
	body, ok := s.Open("a/b")
	require.True(t, ok)
	text, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.Equal(t, "body", string(text))
	s.ForgetUploads()
	require.Empty(t, s.OpenUploads())
}

func TestJoinedPartsReadAsOne(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		d, err := openData(dir)
		require.NoError(t, err)
		o := &object{Key: "k"}
		var whole []byte
		for i := range 5 {
			part := bytes.Repeat([]byte{byte(i)}, 1000*i+1)
			w, err := d.newWriter(0)
			require.NoError(t, err)
			_, err = w.Write(part)
			require.NoError(t, err)
			b, err := w.finish()
			require.NoError(t, err)
			o.Blobs = append(o.Blobs, b)
			o.Size += b.Size
			whole = append(whole, part...)
		}
		c := &content{d: d, o: o}
		for off := 0; off < len(whole); off += 777 {
			got, err := io.ReadAll(io.NewSectionReader(c, int64(off), o.Size-int64(off)))
			require.NoError(t, err)
			require.Equal(t, sha256.Sum256(whole[off:]), sha256.Sum256(got), off)
		}
		require.NoError(t, c.Close())
	}
}

func TestListsArePaged(t *testing.T) {
	s, err := New(Options{PublicRead: true})
	require.NoError(t, err)
	for i := range 5 {
		require.Empty(t, code(t, s, signed("PUT", fmt.Sprintf("http://h/p/%d%%26", i), nil)))
	}
	page := func(query string) string {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "http://h/?"+query, nil))
		require.Equal(t, 200, w.Code)
		return w.Body.String()
	}
	require.Contains(t, page("max-keys=2"), "<IsTruncated>true</IsTruncated>")
	require.Contains(t, page("max-keys=2"), "<NextMarker>p/1&amp;</NextMarker>")
	require.Contains(t, page("marker=p/3%26"), "<Key>p/4&amp;</Key>")
	require.Contains(t, page("marker=p/3%26&encoding-type=url"), "<Key>p%2F4%26</Key>")
	require.NotContains(t, page("prefix=q"), "<Key>")
}

func TestWhatIsNotThere(t *testing.T) {
	s, err := New(Options{Path: "/bucket"})
	require.NoError(t, err)
	require.Equal(t, "NoSuchBucket", code(t, s, signed("GET", "http://h/k", nil)))
	require.Equal(t, "NoSuchBucket", code(t, s, signed("GET", "http://h/bucketk", nil)))
	require.Equal(t, "NoSuchKey", code(t, s, signed("GET", "http://h/bucket/k", nil)))
	require.Equal(t, "NoSuchBucket", code(t, s, signed("GET", "http://other-1.cos.ap-guangzhou.myqcloud.com/bucket/k", nil)))
	require.Equal(t, "MethodNotAllowed", code(t, s, signed("PATCH", "http://h/bucket/k", nil)))
	require.Equal(t, "NoSuchUpload", code(t, s, signed("PUT", "http://h/bucket/k?partNumber=1&uploadId=x", nil)))
	require.Equal(t, "InvalidArgument", code(t, s, signed("PUT", "http://h/bucket/k?partNumber=10001&uploadId=x", nil)))
}
