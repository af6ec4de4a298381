package local

import "path/filepath"

// GrowDir is the folder in which files grow until Finish: a file that is to be
// finished under Name lies there as GrowPrefix + Name.
func (s *Store) GrowDir() string { return GrowDir(s.dir) }

// GrowDir is where files of a store in a folder grow.
func GrowDir(dir string) string { return filepath.Join(dir, hidden) }

// GrowPrefix begins the names of growing files.
const GrowPrefix = growing
