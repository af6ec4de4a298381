// Package strictyaml decodes a YAML file that people write by hand, strictly,
// and reports everything that is wrong with it at once: file, line, key path,
// what is wrong, and what to write instead.
//
// It knows nothing of what the file is for. The caller declares a schema of
// structs; every struct embeds Origin, every key is a field with a yaml tag:
//
//	type Server struct {
//		strictyaml.Origin
//		Address strictyaml.Text               `yaml:"address"`
//		Timeout strictyaml.Duration           `yaml:"timeout"`
//		Token   strictyaml.Secret             `yaml:"token"`
//		Hosts   strictyaml.List[Host]         `yaml:"hosts"`
//		Pools   strictyaml.Map[Pool]          `yaml:"pools"`
//		TLS     *TLS                          `yaml:"tls"` // nil if absent
//	}
//
//	func (s *Server) Defaults() { s.Timeout.Value = 10 * time.Second }
//
//	var s Server
//	doc, ok := strictyaml.Decode(data, &s, strictyaml.Options{File: "server.yml", Env: os.LookupEnv})
//	if ok && s.Address.Value == "" && !s.Address.Bad {
//		doc.Fail(s.Address.Spot, "must not be empty", "Write host:port")
//	}
//	if ps := doc.Problems(); len(ps) > 0 {
//		return ps // an error: one line for each
//	}
//
// # What it refuses
//
//   - Unknown keys (with a guess what was meant, or the section that has such a
//     key), keys that occur twice, values of another type, and keys without value.
//   - Whatever YAML reads otherwise than people mean it: `host: *.x` (a
//     reference), `path: {A}/b` (a mapping), `&`, `!`, `@`, a tab, a quote that is
//     not closed. Where the YAML parser stops at such a value, the value is
//     replaced, so that the rest of the file is checked too.
//   - Aliases, anchors, tags and merge keys. Since aliases are never followed, a
//     small file cannot become a large one ("billion laughs").
//   - More than one document, and text that is not UTF-8.
//
// # What it reads
//
// A scalar is the text that was typed: `stream: 007` is the text 007, and `yes`
// is the text yes. A type of scalar is a Form: Duration, Size, Number, Flag, Text
// and Secret are here, and a caller may add others with Scalar. ${NAME} is
// replaced from Options.Env after parsing and once; no message shows a value that
// came from there, nor the value of a Secret.
//
// A nested struct gets its defaults from its method Defaults, if it has one.
//
// # Limits
//
// Time is bounded by a small number of passes of the YAML parser over the file;
// at most 8 lines are left out because of their syntax. Memory is a multiple of
// the size of the file, which the caller bounds. Decode never panics on input; it
// panics if the schema has a field that is none of the types above.
package strictyaml
