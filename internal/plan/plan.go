// Package plan answers two questions: what is to be recorded of a stream, and
// under which key does a file of it lie.
//
// # What to record
//
// Identify turns a publication into a Stream (domain, app, name). Compile turns
// the configuration and what the API made into a Table, once; a Table never
// changes, so that it may be read by any number of goroutines and swapped as a
// whole at a reload. Table.Match is a pure function of table and stream and
// allocates nothing; one rule wins, alone:
//
//  1. Levels, by which fields a rule names: domain+app+stream, domain+stream,
//     domain+app, domain; then the same four without a domain.
//  2. Within a level compare the domain, then the stream, then the app: exact
//     before pattern, the pattern with more literal characters first.
//  3. At last YAML before API, then the order of the file (YAML) or the older
//     rule (API).
//
// A value with '*' is a pattern; '*' stands for any run of characters, '/'
// included, and there is no escape. Rules without pattern are found through a
// map, so that ten thousand of them cost no more than ten; rules with a pattern
// are tried in order, those with an exact domain only for that domain.
//
// Explain tells the same for people: every rule, and why it won or lost. Tasks
// name their template themselves: PlanFor.
//
// # Keys
//
// Key expands a key template (see key.go for what happens to hostile names);
// Final, LivePlaylist, Piece and InitPiece name the objects of one file; Unique
// keeps two files apart.
package plan

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/live-recording/liverecord/config"
)

// Source tells who made a rule or a template.
type Source int

// The sources, in the order in which they win a tie.
const (
	YAML Source = iota
	API
)

func (s Source) String() string {
	if s == API {
		return "API"
	}
	return "YAML"
}

// Template is a template of either source.
type Template struct {
	config.Template

	// ID is stable: for YAML it is derived from the name (see TemplateID), for
	// the API it is given by whoever stores it. The built-in template of tasks
	// has 0.
	ID     int64
	Source Source

	// Extra is what the API keeps with its template; opaque here.
	Extra json.RawMessage
}

// Rule binds a template to the streams that its three values describe. An empty
// value means any, '*' makes a value a pattern.
type Rule struct {
	// ID is stable: for YAML it is derived from domain, app and stream (see
	// RuleID), for the API it is given by whoever stores it. The plan of a task
	// has a rule with ID 0.
	ID int64

	Domain, App, Stream string

	TemplateID int64
	Source     Source
	Line       int // in the file; 0 when made by the API

	CreatedAt, UpdatedAt time.Time // API only
}

// Where says for people where the rule stands.
func (r Rule) Where() string {
	if r.Source == YAML {
		return fmt.Sprintf("recording.yml:%d", r.Line)
	}
	return fmt.Sprintf("API rule %d", r.ID)
}

// Plan is what is to be recorded of a stream, and by which rule. It is shared:
// its slices must not be changed.
type Plan struct {
	Rule     Rule
	Template Template
}

// Formats lists the formats to be recorded, with all defaults filled in. It is
// empty if the template says: record nothing.
func (p Plan) Formats() []config.Format { return p.Template.Formats }

// Dynamic is what the API made, as it lies in the state.
type Dynamic struct {
	Templates []Template
	Rules     []Rule
}

// Shadow is a rule that can never win.
type Shadow struct {
	Rule   Rule
	By     Rule   // the rule with the same domain, app and stream; zero if there is another reason
	Reason string // for people
}
