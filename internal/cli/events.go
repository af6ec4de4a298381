package cli

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/view"
)

// events lists events, or sends one again.
func (c *command) events(f *flag.FlagSet, args []string) (int, error) {
	c.jsonFlag(f)
	resend := f.String("resend", "", "send the event with this `ID` again, to every endpoint that wants it")
	parked := f.Bool("parked", false, "only events that an endpoint did not take and that are not tried any more")
	waiting := f.Bool("waiting", false, "only events that are still on their way")
	recording := f.String("recording", "", "only events of the recording with this `ID`")
	limit := f.Int("limit", listLimit, "so many at most")
	if _, err := parse(f, args, 0, 0); err != nil {
		return usage, err
	}
	if *parked && *waiting || *limit < 1 || *limit > 1000 {
		return usage, misused("--parked or --waiting, not both; the limit is 1 to 1000")
	}
	if *resend != "" {
		return c.resend(*resend)
	}
	q := view.EventFilter{Limit: *limit}
	switch {
	case *parked:
		q.State = state.DeliveryParked
	case *waiting:
		q.State = state.DeliveryWaiting
	}
	if *recording != "" {
		var err error
		if q.Recording, err = parseID(*recording); err != nil {
			return usage, err
		}
	}
	found, note, err := c.findEvents(q)
	if err != nil {
		return bad, err
	}
	return good, c.printEvents(found, *limit, note)
}

func (c *command) resend(id string) (int, error) {
	x, err := c.server()
	if err != nil {
		return bad, err
	}
	if err := c.operate(x, "LrResend", map[string]any{"EventId": id}, nil); err != nil {
		return bad, err
	}
	c.say("event %s is sent again", id)
	return good, nil
}

// findEvents asks the server, or reads the state if there is none.
func (c *command) findEvents(q view.EventFilter) (found []view.Event, note string, err error) {
	s, err := c.load()
	if err != nil {
		return nil, "", err
	}
	params := map[string]any{"Limit": q.Limit}
	if q.Recording != 0 {
		params["RecordingId"] = view.ID(q.Recording)
	}
	if q.State != "" {
		params["State"] = string(q.State)
	}
	x, err := connect(s)
	if err == nil {
		err = c.operate(x, "LrEvents", params, &found)
	}
	if !errors.Is(err, errDown) {
		return found, "", err
	}
	note = fmt.Sprintf("From the state: %s.", err)
	db, err := s.openState()
	if err != nil {
		return nil, "", err
	}
	defer db.Close()
	found, err = view.Events(c.ctx, db.Reader(), q)
	return found, note, err
}

func (c *command) printEvents(found []view.Event, limit int, note string) error {
	if c.json {
		if note != "" {
			c.complain("%s", note)
		}
		return c.writeJSON(found)
	}
	var t table
	t.row("EVENT", "CREATED", "RECORDING", "NO", "TYPE", "WHAT", "ENDPOINT", "STATE", "ATTEMPTS", "NEXT", "ERROR")
	for i := range found {
		e := &found[i]
		head := []string{e.ID, timeText(e.Created), e.Recording, fmt.Sprint(e.Sequence), fmt.Sprint(e.Type), short(whatOf(e))}
		if len(e.Deliveries) == 0 {
			t.row(append(head, "", "no endpoint is subscribed", "", "", "")...)
		}
		for _, d := range e.Deliveries {
			next := ""
			if d.State == string(state.DeliveryWaiting) {
				next = timeText(d.Due)
			}
			t.row(append(head, d.Endpoint, d.State, fmt.Sprint(d.Attempts), next, short(d.Error))...)
		}
	}
	c.printLatest(&t, len(found), limit, "no events", note)
	return nil
}

// whatOf says in few words what the event tells.
func whatOf(e *view.Event) string {
	var b struct {
		Event  string `json:"record_event"`
		Format string `json:"file_format"`
		Stream string `json:"stream_id"`
	}
	_ = json.Unmarshal([]byte(e.Body), &b) // for people; a body of another form is shown as its kind
	words := []string{e.Kind}
	for _, w := range []string{b.Event, b.Format, b.Stream} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}
