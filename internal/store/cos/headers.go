package cos

import (
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/live-recording/liverecord/internal/store"
)

// ExpireTag is the key of the tag that lifecycle rules act on.
const ExpireTag = "liverecord-expire"

const (
	maxMetaValue = 512  // bytes, encoded
	maxMeta      = 2000 // bytes, names and values; COS takes 2 KiB
	maxTags      = 10
)

// headers returns what is stored with o: type, disposition, class, meta, tags.
func (s *Store) headers(o store.Object) *sdk.ObjectPutHeaderOptions {
	h := &sdk.ObjectPutHeaderOptions{
		ContentType:      o.ContentType,
		XCosStorageClass: s.cfg.StorageClass,
		XCosMetaXXX:      metadata(o.Meta),
	}
	if o.Disposition != "" {
		h.ContentDisposition = disposition(o.Disposition)
	}
	if tags := tagging(s.cfg.Tags, o.Tags, o.Keep); tags != "" {
		h.XOptionHeader = &http.Header{"X-Cos-Tagging": {tags}}
	}
	return h
}

// disposition offers name to a browser by RFC 6266: an ASCII form for the old
// ones, the true one in filename*.
func disposition(name string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%/`, r) {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename="` + ascii + `"; filename*=UTF-8''` + escape(name)
}

// metadata returns x-cos-meta-* headers, or nil if there are none.
func metadata(meta map[string]string) *http.Header {
	h := make(http.Header)
	total := 0
	for _, name := range sortedKeys(meta) {
		value := escapeUpTo(meta[name], maxMetaValue)
		header := "X-Cos-Meta-" + metaName(name)
		if total += len(header) + len(value); total > maxMeta {
			break
		}
		h.Set(header, value)
	}
	if len(h) == 0 {
		return nil
	}
	return &h
}

// metaOf reads what metadata made. A value that is not ours may not be encoded.
func metaOf(h http.Header) map[string]string {
	meta := map[string]string{}
	for header, values := range h {
		name, ok := strings.CutPrefix(strings.ToLower(header), "x-cos-meta-")
		if !ok {
			continue
		}
		if plain, err := url.PathUnescape(values[0]); err == nil {
			values = []string{plain}
		}
		meta[name] = values[0]
	}
	return meta
}

// metaName makes a name fit for a header.
func metaName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name)
}

// tagging returns the value of x-cos-tagging: the expiry, then the object's
// tags, then the store's, at most ten.
func tagging(ofStore, ofObject map[string]string, keep time.Duration) string {
	var pairs, seen []string
	add := func(k, v string) {
		if len(pairs) < maxTags && !slices.Contains(seen, k) {
			seen = append(seen, k)
			pairs = append(pairs, url.QueryEscape(k)+"="+url.QueryEscape(v))
		}
	}
	if keep > 0 {
		add(ExpireTag, strconv.FormatInt(int64((keep+24*time.Hour-1)/(24*time.Hour)), 10)+"d")
	}
	for _, tags := range []map[string]string{ofObject, ofStore} {
		for _, k := range sortedKeys(tags) {
			add(k, tags[k])
		}
	}
	return strings.Join(pairs, "&")
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// escape percent-encodes all but RFC 3986's unreserved characters.
func escape(s string) string { return escapeUpTo(s, 3*len(s)) }

// escapeUpTo does the same and stops before a character that would make the
// result longer than limit.
func escapeUpTo(s string, limit int) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); {
		end := i + 1
		for end < len(s) && s[i] >= 0xc0 && s[end]&0xc0 == 0x80 {
			end++ // a character of several bytes stays whole
		}
		var one []byte
		for _, c := range []byte(s[i:end]) {
			if unreserved(c) {
				one = append(one, c)
			} else {
				one = append(one, '%', hex[c>>4], hex[c&15])
			}
		}
		if b.Len()+len(one) > limit {
			break
		}
		b.Write(one)
		i = end
	}
	return b.String()
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
