package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/config/keytemplate"
)

// Final names the object of a finished file: for hls its _eof playlist.
func Final(key string, f config.FormatName) string {
	if f == config.HLS {
		return key + "_eof.m3u8"
	}
	return key + "." + string(f)
}

// LivePlaylist names the hls playlist that grows while recording.
func LivePlaylist(key string) string { return key + ".m3u8" }

// Piece names the n-th piece of an hls recording, from 0.
func Piece(key string, n int, fmp4 bool) string {
	if fmp4 {
		return fmt.Sprintf("%s/%06d.m4s", key, n)
	}
	return fmt.Sprintf("%s/%06d.ts", key, n)
}

// InitPiece names the n-th fMP4 header of an hls recording, from 0.
func InitPiece(key string, n int) string { return fmt.Sprintf("%s/init%d.mp4", key, n) }

// Unique returns key if it isn't taken, else key-2, key-3 and so on. The key may
// be one of Key or one with an extension (of Final or LivePlaylist), before which
// the number is put. Two keys of Key that differ never share a name of Final,
// LivePlaylist, Piece or InitPiece of the same format, nor a file and a folder.
func Unique(key string, taken func(string) bool) string {
	if !taken(key) {
		return key
	}
	base, ext := splitExtension(key)
	for n := 2; ; n++ {
		if k := base + "-" + strconv.Itoa(n) + ext; !taken(k) {
			return k
		}
	}
}

// WithSuffix puts -suffix behind a key as Unique puts a number.
func WithSuffix(key, suffix string) string {
	base, ext := splitExtension(key)
	return base + "-" + suffix + ext
}

// splitExtension finds the extension that Final or LivePlaylist put behind a
// key. Keys themselves never end in one.
func splitExtension(key string) (base, ext string) {
	for _, ext := range append([]string{"_eof.m3u8"}, keytemplate.Extensions...) {
		if base, ok := strings.CutSuffix(key, ext); ok {
			return base, ext
		}
	}
	return key, ""
}

// PlaylistKey is the key of the playlist that Final named so; ok is false for
// another object, which is returned as it is.
func PlaylistKey(object string) (key string, ok bool) {
	return strings.CutSuffix(object, Final("", config.HLS))
}

// Unnamed is the object of a file until its end, if its key is to hold that.
func Unnamed(file int64) string { return "~" + strconv.FormatInt(file, 10) }

// IsUnnamed tells whether an object is one of Unnamed. A key may begin with a
// tilde, too, but has an extension.
func IsUnnamed(object string) bool {
	digits, ok := strings.CutPrefix(object, "~")
	_, err := strconv.ParseInt(digits, 10, 64)
	return ok && err == nil
}
