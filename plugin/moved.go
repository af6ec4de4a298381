package plugin

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/hang"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store/local"
)

// withOldFolders returns the configuration with the folders of the last run where
// files that are on their way lie in them and not in the new ones: there they
// would be missed, and given up. A store that was a remote one then is left out.
// It notes the folders that are used now.
func withOldFolders(ctx context.Context, db *state.DB, c *config.Config, log *slog.Logger) (*config.Config, error) {
	last, err := state.Places(ctx, db.Reader())
	if err != nil {
		return nil, err
	}
	files, err := state.SpoolFiles(ctx, db.Reader())
	if err != nil {
		return nil, err
	}
	kept := *c
	kept.Stores = maps.Clone(c.Stores)
	unknown := map[string]bool{}
	for name, s := range c.Stores {
		was := last[name]
		moved, err := hang.Try(openPatience, func() (bool, error) {
			in := func(dir string) bool { return dir != "" && holds(dir, files[name]) }
			return !in(growDir(c, s)) && in(was.Grow), nil
		}, nil)
		switch {
		case err != nil: // a disk hangs; the store comes when it answers
			unknown[name] = true
			log.Error("whether files of a store are on their way in another folder could not be looked up", "store", name, "error", err)
		case !moved:
		case was.Dir != "":
			log.Error("the store has another place now, and files are on their way in the old one: that is used until the next restart",
				"store", name, "old", was.Dir)
			s.Type, s.Dir = "local", was.Dir
			kept.Stores[name] = s
		case s.Type != "local":
			log.Error("spool.dir was changed, and files are on their way in the old one: that is used until the next restart",
				"old", was.Grow, "new", c.Spool.Dir)
			kept.Spool.Dir = was.Grow
		default:
			log.Error("the store was a remote one, and files are on their way to it: it is left out until it is that again; "+
				"give the local one a name of its own", "store", name)
			delete(kept.Stores, name)
		}
	}
	now := map[string]state.Place{}
	for name, s := range kept.Stores {
		if unknown[name] {
			continue // what was noted last still counts
		}
		p := state.Place{Grow: absolute(growDir(&kept, s))}
		if s.Type == "local" {
			p.Dir = absolute(s.Dir)
		}
		now[name] = p
	}
	return &kept, db.UpdateNow(ctx, func(tx *state.Tx) error { return tx.SetPlaces(now) })
}

// holds tells whether the body of one of the files lies in a folder.
func holds(dir string, files []string) bool {
	return slices.ContainsFunc(files, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, spool.BodyName(name)))
		return err == nil
	})
}

// growDir is where files of a store grow.
func growDir(c *config.Config, s config.Store) string {
	if s.Type == "local" {
		return local.GrowDir(s.Dir)
	}
	return c.Spool.Dir
}

func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}
