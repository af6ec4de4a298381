package cli

import (
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/plan"
)

var days = regexp.MustCompile(`^([0-9]{1,5})d`)

// parseFor reads a duration as the configuration has it: 90s, 30m, 1h30m, 1d.
func parseFor(text string) (time.Duration, error) {
	rest, d := text, time.Duration(0)
	if m := days.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1]) // five digits
		d, rest = time.Duration(n)*24*time.Hour, text[len(m[0]):]
	}
	if rest != "" {
		more, err := time.ParseDuration(rest)
		if err != nil || more < 0 {
			return 0, misused("%s is no duration; write for instance 90s, 30m, 1h30m or 1d", text)
		}
		d += more
	}
	if d < time.Second {
		return 0, misused("a task lasts a second or more, not %s", text)
	}
	return d, nil
}

// parseID reads the id of a recording or file.
func parseID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return 0, misused("%s is no id; `record list` shows them", text)
	}
	return id, nil
}

// start makes a task that runs from now on.
func (c *command) start(f *flag.FlagSet, args []string) (int, error) {
	length := f.String("for", "24h", "how long to record: a `DURATION` such as 30m or 1d")
	template := f.String("template", "", "`NAME` or id of the template; without it that of tasks.defaultTemplate")
	c.jsonFlag(f)
	args, err := parse(f, args, 1, 1)
	if err != nil {
		return usage, err
	}
	stream, err := plan.ParseStream(args[0])
	if err != nil {
		return usage, misused("%s", err)
	}
	d, err := parseFor(*length)
	if err != nil {
		return usage, err
	}
	x, err := c.server()
	if err != nil {
		return bad, err
	}
	params := streamParams(stream)
	params["For"] = int64(d / time.Second)
	if *template != "" {
		params["Template"] = *template
	}
	var made struct {
		TaskID string `json:"TaskId"`
	}
	if err := c.call(x, "LrStart", params, &made); err != nil {
		return bad, err
	}
	if c.json {
		return good, c.writeJSON(made)
	}
	c.say("%s is recorded by task %s until %s, also if it begins or returns later. End it with:\n  mediamtx record stop %s",
		stream, made.TaskID, timeText(c.now().Add(d)), made.TaskID)
	return good, nil
}

func (c *command) server() (*server, error) {
	s, err := c.load()
	if err != nil {
		return nil, err
	}
	return connect(s)
}

func streamParams(s plan.Stream) map[string]any {
	return map[string]any{"DomainName": s.Domain, "AppName": s.App, "StreamName": s.Name}
}

// recordID is the form of a recording's id; those of tasks have letters.
var recordID = regexp.MustCompile(`^[0-9]{15,19}$`)

// stop ends recordings or tasks.
func (c *command) stop(f *flag.FlagSet, args []string) (int, error) {
	c.jsonFlag(f)
	args, err := parse(f, args, 1, 1)
	if err != nil {
		return usage, err
	}
	what := args[0]
	params := map[string]any{"TaskId": what}
	switch {
	case strings.Contains(what, "/"):
		stream, err := plan.ParseStream(what)
		if err != nil {
			return usage, misused("%s", err)
		}
		params = streamParams(stream)
	case recordID.MatchString(what):
		params = map[string]any{"RecordingId": what}
	}
	x, err := c.server()
	if err != nil {
		return bad, err
	}
	var stopped []string
	if err := c.operate(x, "LrStop", params, &stopped); err != nil {
		return bad, err
	}
	if c.json {
		return good, c.writeJSON(stopped)
	}
	for _, id := range stopped {
		kind := "task"
		if recordID.MatchString(id) {
			kind = "recording"
		}
		c.say("stopped %s %s", kind, id)
	}
	if len(stopped) == 0 {
		return bad, fmt.Errorf("nothing records %s now", what)
	}
	return good, nil
}
