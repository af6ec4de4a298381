// Package config is recording.yml: its schema, what its values must fulfil, and
// the life of the file.
//
//   - schema.go declares the keys and their defaults. Package strictyaml decodes
//     the file into it and reports all that is wrong with the YAML.
//   - build*.go check ranges, names that must exist, and what fits together.
//     Every problem of both steps is reported at once, with its line.
//   - The result is a Config: plain data with defaults filled in. Nothing in this
//     package opens, dials or starts anything but the file itself.
//   - watch.go reports changes of the file.
//
// Load and Parse return a Config or Problems. Check is `record check`. Package
// keytemplate has the grammar of object keys.
package config
