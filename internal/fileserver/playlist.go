package fileserver

import (
	"io"
	"io/fs"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/store/local"
)

// maxPlaylist bounds what is read to be signed: half a million segments.
const maxPlaylist = 64 << 20

// signPlaylist gives each segment of a playlist a link of its own that ends when
// the playlist's does: players resolve a segment's relative URI without the query
// of the playlist.
func signPlaylist(r io.Reader, key string, query url.Values, secret []byte) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxPlaylist))
	if err != nil {
		return "", err
	}
	unix, err := strconv.ParseInt(query.Get("expires"), 10, 64)
	if err != nil {
		return "", err
	}
	expires := time.Unix(unix, 0)
	sign := func(uri string) string {
		name, err := url.PathUnescape(uri)
		if err != nil || !fs.ValidPath(name) {
			return uri // not below the playlist: none of ours
		}
		return uri + "?" + local.Sign(path.Join(path.Dir(key), name), expires, secret).Encode()
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		before, rest, isMap := strings.Cut(line, `#EXT-X-MAP:URI="`)
		switch uri := strings.TrimRight(line, "\r\n"); {
		case isMap && before == "":
			uri, after, _ := strings.Cut(rest, `"`)
			out.WriteString(`#EXT-X-MAP:URI="` + sign(uri) + `"` + after)
		case uri == "" || uri[0] == '#':
			out.WriteString(line)
		default:
			out.WriteString(sign(uri) + "\n")
		}
	}
	return out.String(), nil
}
