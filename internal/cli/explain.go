package cli

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/api"
	"github.com/live-recording/liverecord/internal/mask"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/view"
)

// explanation says what is recorded of a stream, and why.
type explanation struct {
	Stream   string        `json:"stream"`
	Notes    []string      `json:"notes,omitempty"`
	Rules    []verdictView `json:"rules"` // those that match first
	Template string        `json:"template,omitempty"`
	Records  []recordView  `json:"records"` // what the rule that wins records
	Tasks    []taskView    `json:"tasks"`   // that run now
	Live     []view.Live   `json:"live"`    // publications of the stream, of a running server
}

type verdictView struct {
	Where    string `json:"where"`
	Domain   string `json:"domain"`
	App      string `json:"app"`
	Stream   string `json:"stream"`
	Template string `json:"template"`
	Matches  bool   `json:"matches"`
	Won      bool   `json:"won"`
	Reason   string `json:"reason"`
}

type recordView struct {
	Format   string `json:"format"`
	Store    string `json:"store"`
	Interval string `json:"interval"`
	Splice   string `json:"splice"`
	Keep     string `json:"keep"`
	Key      string `json:"exampleKey"` // of a file that began now
}

type taskView struct {
	ID       string       `json:"id"`
	Until    time.Time    `json:"until"`
	Template string       `json:"template"`
	Records  []recordView `json:"records"`
}

// explain tells what is recorded of a stream.
func (c *command) explain(f *flag.FlagSet, args []string) (int, error) {
	c.jsonFlag(f)
	args, err := parse(f, args, 1, 1)
	if err != nil {
		return usage, err
	}
	stream, err := plan.ParseStream(args[0])
	if err != nil {
		return usage, misused("%s", err)
	}
	s, err := c.load()
	if err != nil {
		return bad, err
	}
	e := explanation{Stream: stream.String(), Records: []recordView{}, Tasks: []taskView{}, Live: []view.Live{}}
	e.identity(stream, s.Config)
	table, tasks, err := c.table(s, &e)
	if err != nil {
		return bad, err
	}
	c.weigh(&e, table, stream, s.Config)
	for _, k := range tasks {
		if k.Domain == stream.Domain && k.App == stream.App && k.Stream == stream.Name {
			c.addTask(&e, table, k, stream, s.Config)
		}
	}
	c.askLive(&e, s, stream)
	if c.json {
		return good, c.writeJSON(e)
	}
	c.printExplanation(&e)
	return good, nil
}

// identity notes if no publication can come under the stream that was asked for.
func (e *explanation) identity(stream plan.Stream, cfg *config.Config) {
	got, refused := plan.Identify(&hooks.Publication{Host: stream.Domain, Path: stream.App + "/" + stream.Name}, cfg)
	switch {
	case stream.Domain == cfg.DefaultDomain: // of those who claim none
	case refused != "":
		e.Notes = append(e.Notes, fmt.Sprintf("The domain is not in `domains`: who claims it is taken for %s.", mask.Text(got.String())))
	case got != stream:
		e.Notes = append(e.Notes, fmt.Sprintf("No publication comes under this name: a publisher who claims that domain is taken for %s.", mask.Text(got.String())))
	}
}

// table compiles what the file and the API say, and reads the tasks that run.
func (c *command) table(s *settings, e *explanation) (*plan.Table, []*state.Task, error) {
	var made plan.Dynamic
	var tasks []*state.Task
	db, err := state.OpenReadOnly(s.State)
	switch {
	case errors.Is(err, os.ErrNotExist):
		// No server has run yet: there are no rules of the API.
	case err != nil:
		e.Notes = append(e.Notes, "Without rules and tasks of the API: "+mask.Text(err.Error())+".")
	default:
		defer db.Close()
		if made, _, err = api.Dynamic(c.ctx, db, s.Config); err != nil {
			return nil, nil, err
		}
		if tasks, err = state.RunningTasks(c.ctx, db.Reader(), c.now()); err != nil {
			return nil, nil, err
		}
	}
	table, _ := plan.Compile(s.Config, made)
	return table, tasks, nil
}

// weigh writes down the verdicts and what the winner records.
func (c *command) weigh(e *explanation, table *plan.Table, stream plan.Stream, cfg *config.Config) {
	var others []verdictView
	for _, v := range table.Explain(stream) {
		t, _ := table.Template(v.Rule.TemplateID)
		x := verdictView{Where: v.Rule.Where(), Domain: v.Rule.Domain, App: v.Rule.App, Stream: v.Rule.Stream,
			Template: t.Name, Matches: v.Matches, Won: v.Won, Reason: v.Reason}
		if v.Matches {
			e.Rules = append(e.Rules, x)
		} else {
			others = append(others, x)
		}
	}
	e.Rules = append(e.Rules, others...)
	if p, ok := table.Match(stream); ok {
		e.Template = p.Template.Name
		e.Records = c.records(p.Template, stream, cfg)
	}
}

// records shows what a template makes of a stream that begins now.
func (c *command) records(t plan.Template, stream plan.Stream, cfg *config.Config) []recordView {
	now := c.now()
	values := plan.KeyValues{Stream: stream, RecordID: plan.NewRecordID(now), RandomID: plan.NewRandomID(), Start: now, Zone: cfg.Timezone}
	out := []recordView{}
	for _, f := range t.Formats {
		values.End = now.Add(f.Interval)
		key := plan.Final(plan.Key(f.Path, values), f.Name)
		out = append(out, recordView{Format: string(f.Name), Store: f.Store, Interval: settingText(f.Interval, "never"),
			Splice: settingText(f.Splice, "none"), Keep: settingText(f.Keep, "for ever"), Key: key})
	}
	return out
}

func (c *command) addTask(e *explanation, table *plan.Table, k *state.Task, stream plan.Stream, cfg *config.Config) {
	p, _ := table.PlanFor(view.ID(k.TemplateID))
	name := p.Template.Name
	if name == "" {
		name = "default of tasks"
	}
	e.Tasks = append(e.Tasks, taskView{ID: k.ID, Until: k.End, Template: name, Records: c.records(p.Template, stream, cfg)})
}

// askLive asks the server what is live and what it made of it.
func (c *command) askLive(e *explanation, s *settings, stream plan.Stream) {
	var answer view.Explanation
	x, err := connect(s)
	if err == nil {
		err = c.operate(x, "LrExplain", streamParams(stream), &answer)
	}
	if err != nil {
		e.Notes = append(e.Notes, "From file and state alone, without what is live now: "+mask.Text(err.Error())+".")
		return
	}
	e.Live = append(e.Live, answer.Live...)
	if len(answer.Live) == 0 {
		e.Notes = append(e.Notes, "Live now: nobody publishes this stream.")
	}
	winner := ""
	for _, v := range answer.Verdicts {
		if v.Won {
			winner = v.Rule.Where()
		}
	}
	for _, v := range e.Rules {
		if v.Won && v.Where != winner || !v.Won && v.Where == winner {
			e.Notes = append(e.Notes, "The server decides otherwise, since the configuration that it has in force is not this one: see its log, and `record check`.")
			return
		}
	}
}

func (c *command) printExplanation(e *explanation) {
	c.say("Stream %s", e.Stream)
	c.printRules(e.Rules)
	switch {
	case len(e.Records) > 0:
		c.say("\nRecorded, by template %s:", e.Template)
		c.printRecords(e.Records)
	case e.Template != "":
		c.say("\nNot recorded: the template %s has no format.", e.Template)
	default:
		c.say("\nNot recorded: no rule matches.")
	}
	for _, k := range e.Tasks {
		c.say("\nRecorded besides, until %s, by task %s, template %s:", timeText(k.Until), k.ID, k.Template)
		c.printRecords(k.Records)
	}
	for _, l := range e.Live {
		from := l.Protocol
		if l.RemoteAddr != "" {
			from += " from " + l.RemoteAddr
		}
		c.say("\nLive now: path %s by %s since %s", l.Path, from, timeText(l.Since))
		c.say("  %s", l.Why)
		for _, id := range l.Recordings {
			c.say("  recording %d", id)
		}
		if l.Discarded > 0 {
			c.say("  %d units were dropped by MediaMTX before they came to the recorder", l.Discarded)
		}
	}
	for i, n := range e.Notes {
		if i == 0 {
			c.say("")
		}
		c.say("%s", n)
	}
}

func (c *command) printRules(rules []verdictView) {
	if len(rules) == 0 {
		c.say("\nThere are no rules.")
		return
	}
	c.say("\nRules, those that match first:")
	orAny := func(s string) string {
		if s == "" {
			return "any"
		}
		return short(s)
	}
	var t table
	t.row("  ", "RULE", "DOMAIN", "APP", "STREAM", "TEMPLATE", "WHY")
	for _, v := range rules {
		mark := "  "
		if v.Won {
			mark = "* "
		}
		t.row(mark, v.Where, orAny(v.Domain), orAny(v.App), orAny(v.Stream), short(v.Template), v.Reason)
	}
	t.write(c.out)
}

func (c *command) printRecords(records []recordView) {
	var t table
	t.row("  FORMAT", "STORE", "NEW FILE", "SPLICE", "KEPT", "KEY, FOR INSTANCE")
	for _, r := range records {
		interval := r.Interval
		if interval != "never" {
			interval = "every " + interval
		}
		t.row("  "+r.Format, r.Store, interval, r.Splice, r.Keep, r.Key)
	}
	t.write(c.out)
}
