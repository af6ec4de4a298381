// Package config reads recording.yml.
//
// The file goes through four steps, and every problem of every step is
// reported at once, with its line:
//
//  1. syntax.go, traps.go: bytes become a tree of YAML nodes. Where YAML cannot
//     go on, the well-known traps (`domain: *.x`, `path: {A}/…`, tabs) are
//     recognized line by line, reported, mended and stepped over.
//  2. decode.go, leaf.go: the tree is poured into the structs of schema.go.
//     Unknown keys, wrong types, duplicates, and values that YAML reads
//     otherwise than meant end here. ${NAME} is replaced from the environment,
//     after parsing and once; what came from there is never shown.
//  3. build*.go: ranges, names that must exist, and what fits together.
//  4. The result is a Config: plain data with defaults filled in. Nothing in
//     this package opens, dials or starts anything but the file itself.
//
// Load and Parse return a Config or Problems. Check is `record check`. Watch
// tells of changes.
package config
