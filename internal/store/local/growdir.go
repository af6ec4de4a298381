package local

import "path/filepath"

// GrowDir is the folder in which files grow until Finish: a file that is to be
// finished under Name lies there as GrowPrefix + Name.
func (s *Store) GrowDir() string { return filepath.Join(s.dir, hidden) }

// GrowPrefix begins the names of growing files.
const GrowPrefix = growing
