package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

// taskPage is how many tasks one answer lists.
const taskPage = 100

// maxTaskTime bounds a window, for the arithmetic; the original's 24 hours are
// no bound here.
const maxTaskTime = 100 * 365 * 24 * time.Hour

type createTaskInput struct {
	StreamName *string `api:"required"`
	DomainName *string `api:"required"`
	AppName    *string `api:"required"`
	EndTime    *uint64 `api:"required"`
	StartTime  *uint64
	StreamType *uint64
	TemplateId *uint64
	Extension  *string // reserved
}

type madeTask struct {
	TaskId string
}

func (m madeTask) made() slog.Attr { return slog.String("made", m.TaskId) }

func (s *Server) createTask(ctx context.Context, p *createTaskInput) (any, error) {
	stream, err := checkTaskStream(*p.DomainName, *p.AppName, *p.StreamName)
	if err != nil {
		return nil, err
	}
	now := s.now()
	k := &state.Task{Domain: stream.Domain, App: stream.App, Stream: stream.Name, Start: now,
		StreamType: int(min(value(p.StreamType, 0), 2)), TemplateID: int64(value(p.TemplateId, 0)), Created: now}
	limit := uint64(now.Add(maxTaskTime).Unix())
	if start := value(p.StartTime, 0); start > 0 {
		k.Start = time.Unix(int64(min(start, limit)), 0)
	}
	k.End = time.Unix(int64(min(*p.EndTime, limit)), 0)
	switch {
	case k.StreamType > 1:
		return nil, Errorf(codeInvalid, "StreamType must be 0 (a push) or 1 (a mix under its own path).")
	case *p.EndTime > limit:
		return nil, Errorf(codeInvalid, "EndTime is more than a hundred years away; it is counted in seconds.")
	case !k.End.After(k.Start):
		return nil, Errorf(codeInvalid, "EndTime must be later than StartTime.")
	case !k.End.After(now):
		return nil, Errorf(codeInvalid, "EndTime has passed; the server's clock says %d.", now.Unix())
	}
	return s.addTask(ctx, k)
}

func checkTaskStream(domain, app, stream string) (plan.Stream, error) {
	domain, err := checkDomain(domain, false, codeInvalid)
	if err == nil {
		err = cmp.Or(checkApp(app, false), checkStream(stream, false))
	}
	return plan.Stream{Domain: domain, App: app, Name: stream}, err
}

// addTask stores a task under a new id. Tasks of long ago are forgotten by the way.
func (s *Server) addTask(ctx context.Context, k *state.Task) (any, error) {
	k.ID = newTaskID()
	err := s.opt.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		if err := tx.PruneTasks(k.Created.Add(-state.TaskKept)); err != nil {
			return err
		}
		return tx.InsertTask(k)
	})
	if err != nil {
		return nil, err
	}
	s.opt.TasksChanged()
	return madeTask{k.ID}, nil
}

// newTaskID returns 60 random letters and digits; the original's have 58 to 64.
func newTaskID() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	id := make([]byte, 0, 60)
	for len(id) < cap(id) {
		var b [96]byte
		_, _ = rand.Read(b[:]) // never fails, see crypto/rand
		for _, x := range b {
			if x &= 63; int(x) < len(alphabet) && len(id) < cap(id) {
				id = append(id, alphabet[x])
			}
		}
	}
	return string(id)
}

type taskID struct {
	TaskId *string `api:"required"`
}

var errNoTask = Errorf(codeInvalid, "There is no such task.")

// stopTask may be called again; a task that is over stays as it is.
func (s *Server) stopTask(ctx context.Context, p *taskID) (any, error) {
	return s.changeTask(ctx, func(tx *state.Tx) error { return tx.StopTask(*p.TaskId, s.now()) })
}

func (s *Server) deleteTask(ctx context.Context, p *taskID) (any, error) {
	return s.changeTask(ctx, func(tx *state.Tx) error { return tx.DeleteTask(*p.TaskId, s.now()) })
}

func (s *Server) changeTask(ctx context.Context, f func(*state.Tx) error) (any, error) {
	err := s.opt.DB.UpdateNow(ctx, f)
	if errors.Is(err, state.ErrNotFound) {
		return nil, errNoTask
	}
	if err != nil {
		return nil, err
	}
	s.opt.TasksChanged()
	return nil, nil
}

type describeTasksInput struct {
	StartTime   *uint64 `api:"required"`
	EndTime     *uint64 `api:"required"`
	StreamName  *string
	DomainName  *string
	AppName     *string
	ScrollToken *string
}

// taskInfo is a task as it is shown (reference §1.14). Times are Unix seconds.
type taskInfo struct {
	TaskId     string
	DomainName string
	AppName    string
	StreamName string
	StartTime  int64
	EndTime    int64
	TemplateId int64
	Stopped    int64 // when it was stopped, 0 = never
}

func (s *Server) describeTasks(ctx context.Context, p *describeTasksInput) (any, error) {
	filter, err := s.taskFilter(p)
	if err != nil {
		return nil, err
	}
	tasks, err := state.ListTasks(ctx, s.opt.DB.Reader(), filter)
	if err != nil {
		return nil, err
	}
	out := struct {
		ScrollToken string
		TaskList    []taskInfo
	}{TaskList: []taskInfo{}}
	if len(tasks) > taskPage {
		tasks = tasks[:taskPage]
		out.ScrollToken = scrollToken(tasks[taskPage-1])
	}
	for _, k := range tasks {
		i := taskInfo{TaskId: k.ID, DomainName: k.Domain, AppName: k.App, StreamName: k.Stream,
			StartTime: k.Start.Unix(), EndTime: k.End.Unix(), TemplateId: k.TemplateID}
		if !k.Stopped.IsZero() {
			i.Stopped = k.Stopped.Unix()
		}
		out.TaskList = append(out.TaskList, i)
	}
	return out, nil
}

func (s *Server) taskFilter(p *describeTasksInput) (f state.TaskFilter, err error) {
	const day = 24 * 60 * 60
	start, end := *p.StartTime, *p.EndTime
	oldest := s.now().Add(-state.TaskKept).Add(-time.Minute).Unix() // a minute for the way here
	switch {
	case end <= start:
		return f, Errorf(codeInvalid, "EndTime must be later than StartTime.")
	case end-start > 7*day:
		return f, Errorf(codeInvalid, "From StartTime to EndTime there may be at most 7 days.")
	case start < uint64(max(oldest, 0)):
		return f, Errorf(codeInvalid, "StartTime is more than 90 days ago.")
	case end > 1<<33:
		return f, Errorf(codeInvalid, "EndTime is too far away; it is counted in seconds.")
	}
	// A task that began at once has a fraction of a second in its start, which
	// the window, counted in seconds, takes in.
	f = state.TaskFilter{From: time.Unix(int64(start), 0), To: time.Unix(int64(end), 0), Limit: taskPage + 1,
		Domain: strings.ToLower(value(p.DomainName, "")), App: value(p.AppName, ""), Stream: value(p.StreamName, "")}
	if token := value(p.ScrollToken, ""); token != "" {
		f.After, err = parseScrollToken(token)
	}
	return f, err
}

// scrollToken names the last task of a page.
func scrollToken(k *state.Task) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(k.Start.UnixNano(), 10) + "." + k.ID))
}

func parseScrollToken(token string) (c state.TaskCursor, err error) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	nanos, id, ok := strings.Cut(string(text), ".")
	n, err2 := strconv.ParseInt(nanos, 10, 64)
	if err != nil || err2 != nil || !ok || len(id) > 64 || n <= 0 {
		return c, Errorf(codeInvalid, "ScrollToken is not one that an answer held.")
	}
	return state.TaskCursor{Start: time.Unix(0, n), ID: id}, nil
}
