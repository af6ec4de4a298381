package cli

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/view"
)

const listLimit = 50

// list lists recordings.
func (c *command) list(f *flag.FlagSet, args []string) (int, error) {
	c.jsonFlag(f)
	only := f.String("state", "", "only recordings in this `STATE`: recording, interrupted, finalizing, done")
	limit := f.Int("limit", listLimit, "so many at most")
	args, err := parse(f, args, 0, 1)
	if err != nil {
		return usage, err
	}
	var stream plan.Stream
	if len(args) == 1 {
		if stream, err = plan.ParseStream(args[0]); err != nil {
			return usage, misused("%s", err)
		}
	}
	states := []string{"", "recording", "interrupted", "finalizing", "done"}
	if !slices.Contains(states, *only) || *limit < 1 {
		return usage, misused("the states are recording, interrupted, finalizing and done; the limit is 1 or more")
	}
	s, db, err := c.open()
	if err != nil {
		return bad, err
	}
	defer db.Close()
	w := &viewer{s: s, db: db, now: c.now()}
	found, err := w.recordings(c.ctx, `WHERE (state=? OR ?='') AND (domain=? OR ?='') AND (app=? OR ?='') AND (stream=? OR ?='')
		ORDER BY id DESC LIMIT ?`, *only, *only, stream.Domain, stream.Domain, stream.App, stream.App, stream.Name, stream.Name, *limit)
	if err != nil {
		return bad, err
	}
	params := map[string]any{"State": *only, "Limit": min(*limit, 1000)}
	if stream.Name != "" {
		params["DomainName"], params["AppName"], params["StreamName"] = stream.Domain, stream.App, stream.Name
	}
	note := c.addLive(s, found, params)
	return good, c.printList(found, *limit, note)
}

// open loads the configuration and opens the state that it names.
func (c *command) open() (*settings, *state.DB, error) {
	s, err := c.load()
	if err != nil {
		return nil, nil, err
	}
	db, err := s.openState()
	return s, db, err
}

// addLive adds what a running server knows, and says so if there is none.
func (c *command) addLive(s *settings, found []recordingView, params map[string]any) (note string) {
	x, err := connect(s)
	var live []view.Recording
	if err == nil {
		err = c.operate(x, "LrList", params, &live)
	}
	if err != nil {
		return fmt.Sprintf("From the state alone: %s.", err)
	}
	byID := map[string]*view.Recording{}
	for i := range live {
		byID[live[i].ID] = &live[i]
	}
	for i := range found {
		if l := byID[found[i].ID]; l != nil {
			found[i].overlay(l)
		}
	}
	return ""
}

func (c *command) printList(found []recordingView, limit int, note string) error {
	if c.json {
		if note != "" {
			c.complain("%s", note)
		}
		for i := range found {
			found[i].Files = nil
		}
		return c.writeJSON(found)
	}
	var t table
	t.row("ID", "STREAM", "STATE", "WAITS", "STARTED", "LENGTH", "BYTES", "TEMPLATE", "BY", "PROBLEMS")
	for i := range found {
		v := &found[i]
		waits := ""
		if v.State == state.Interrupted {
			waits = lengthText(time.Duration(v.Remaining) * time.Second)
		}
		problems := ""
		if n := len(v.Problems); n > 0 {
			problems = count(n, "problem") + ": " + short(v.Problems[0])
		}
		t.row(v.ID, short(v.Name()), string(v.State), waits, timeText(v.Started), lengthText(v.length(c.now())),
			bytesText(v.Bytes), short(v.Template), short(v.By), problems)
	}
	c.printLatest(&t, len(found), limit, "no recordings", note)
	return nil
}

// printLatest prints a table of n rows, of limit at most, and what there is to say of it.
func (c *command) printLatest(t *table, n, limit int, none, note string) {
	if n == 0 {
		c.say("%s", none)
	} else {
		t.write(c.out)
	}
	if n == limit {
		c.say("The latest %d; more with --limit.", limit)
	}
	if note != "" {
		c.say("%s", note)
	}
}

// length is the time from begin to end, or until now.
func (v *recordingView) length(now time.Time) time.Duration {
	if v.Ended.IsZero() {
		return now.Sub(v.Started)
	}
	return v.Ended.Sub(v.Started)
}

// show shows one recording.
func (c *command) show(f *flag.FlagSet, args []string) (int, error) {
	c.jsonFlag(f)
	args, err := parse(f, args, 1, 1)
	if err != nil {
		return usage, err
	}
	id, err := parseID(args[0])
	if err != nil {
		return usage, err
	}
	s, db, err := c.open()
	if err != nil {
		return bad, err
	}
	defer db.Close()
	row, err := state.RecordingByID(c.ctx, db.Reader(), id)
	if errors.Is(err, state.ErrNotFound) {
		return bad, fmt.Errorf("there is no recording %d; `record list` lists them", id)
	}
	if err != nil {
		return bad, err
	}
	w := &viewer{s: s, db: db, now: c.now()}
	v, err := w.recording(c.ctx, row)
	if err != nil {
		return bad, err
	}
	found := []recordingView{v}
	note := c.addLive(s, found, map[string]any{"DomainName": v.Domain, "AppName": v.App, "StreamName": v.Stream, "Limit": 1000})
	if c.json {
		if note != "" {
			c.complain("%s", note)
		}
		return good, c.writeJSON(found[0])
	}
	c.printRecording(&found[0])
	if note != "" {
		c.say("%s", note)
	}
	return good, nil
}

func (c *command) printRecording(v *recordingView) {
	var t table
	t.row("recording", v.ID)
	t.row("stream", v.Name())
	t.row("path", v.Path)
	t.row("state", string(v.State))
	if v.State == state.Interrupted {
		t.row("waits until", fmt.Sprintf("%s, %s more", timeText(v.Until), lengthText(time.Duration(v.Remaining)*time.Second)))
	}
	t.row("recorded by", v.By)
	t.row("template", v.Template)
	t.row("protocol", v.Protocol)
	t.row("started", timeText(v.Started))
	if !v.Ended.IsZero() {
		t.row("ended", strings.TrimSpace(timeText(v.Ended)+"  "+v.Reason))
	}
	t.row("joins", fmt.Sprint(v.Joins))
	t.row("bytes", bytesText(v.Bytes))
	for _, p := range v.Problems {
		t.row("problem", p)
	}
	t.write(c.out)
	if len(v.Files) == 0 {
		return
	}
	c.say("")
	var files table
	files.row("FILE", "FORMAT", "STATE", "STARTED", "LENGTH", "BYTES", "PIECES", "STORE", "OBJECT")
	for _, x := range v.Files {
		pieces := ""
		if x.Pieces > 0 {
			pieces = fmt.Sprint(x.Pieces)
		}
		files.row(x.ID, x.Format, string(x.State), timeText(x.Started), lengthText(time.Duration(x.Duration*float64(time.Second))),
			bytesText(x.Size), pieces, x.Store, x.Object)
	}
	files.write(c.out)
}
