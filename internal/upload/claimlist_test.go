package upload

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

// put lays a foreign object under a key.
func (b *bench) foreign(target *Target, key string) {
	b.t.Helper()
	o, r := store.Object{Key: key}, bytes.NewReader([]byte("not ours"))
	var err error
	if target.Local != nil {
		_, err = target.Local.Put(b.t.Context(), o, r, 8)
	} else {
		_, err = target.Remote.Put(b.t.Context(), o, r, 8)
	}
	must(b.t, err)
}

// content of an object; "" if there is none.
func (b *bench) content(target *Target, key string) string {
	b.t.Helper()
	if target.Local != nil {
		text, _ := os.ReadFile(filepath.Join(target.Local.Dir(), key))
		return string(text)
	}
	r, err := target.Remote.Get(b.t.Context(), key)
	if err != nil {
		return ""
	}
	defer r.Close()
	var text bytes.Buffer
	_, _ = text.ReadFrom(r)
	return text.String()
}

// Whatever lies under one of a playlist's keys, the whole playlist gets another
// key, and nothing is overwritten.
func TestPlaylistsNeverOverwrite(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"remote", "local"} {
		for _, foreign := range []string{"k.m3u8", "k_eof.m3u8", "k/000000.ts", "k/000001.ts"} {
			t.Run(where+" "+foreign, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, benchOptions{})
				target := b.target
				if where == "local" {
					target = b.local
				}
				b.foreign(target, foreign)
				list := b.playlist(target, "k")
				first := list.piece(target, 0).grow(1000)
				next := list.piece(target, 2) // open while the key changes
				first.end()
				b.untilState(first, state.FileStored)
				list.piece(target, 1).grow(1000).end()
				next.grow(1000).end()
				b.untilState(next, state.FileStored)
				list.endList()
				b.untilStored(list)
				if got := b.content(target, foreign); got != "not ours" {
					t.Errorf("the foreign %s is %.20q now", foreign, got)
				}
				got := list.now().Object
				text := b.content(target, got)
				if strings.Count(text, "\n"+strings.TrimSuffix(got, "_eof.m3u8")+"/") != 3 || !strings.Contains(text, "ENDLIST") {
					t.Errorf("%s:\n%s", got, text)
				}
				for line := range strings.Lines(text) {
					if line = strings.TrimSpace(line); line != "" && line[0] != '#' && !strings.HasPrefix(b.content(target, line), "HEAD") {
						t.Errorf("%s names %s, which is not there", got, line)
					}
				}
				if late := foreign == "k/000001.ts" && where == "remote"; (got == "k_eof.m3u8") != late {
					t.Errorf("the playlist is %s", got)
				}
			})
		}
	}
}

// What is claimed stays claimed: after a crash the playlist's own objects are not
// taken for foreign ones.
func TestClaimsSurvive(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	for _, target := range []*Target{b.target, b.local} {
		list := b.playlist(target, "own")
		b.untilState(list.piece(target, 0).grow(1000).end(), state.FileStored)
		b.halt()
		b.run()
		b.untilState(list.piece(target, 1).grow(1000).end(), state.FileStored)
		list.endList()
		b.untilStored(list)
		if got := list.now().Object; got != "own_eof.m3u8" {
			t.Errorf("the playlist is %s", got)
		}
	}
}
