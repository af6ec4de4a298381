package api

import (
	"context"
	"reflect"
)

// Version is the only one of the API.
const Version = "2018-08-01"

// action is one thing that callers may ask for.
type action struct {
	write bool // goes into the audit log
	run   func(ctx context.Context, s *Server, params object) (any, error)
	input reflect.Type
}

// act makes an action of a function with typed parameters.
func act[P any](write bool, f func(s *Server, ctx context.Context, p *P) (any, error)) action {
	return action{write: write, input: reflect.TypeFor[P](), run: func(ctx context.Context, s *Server, params object) (any, error) {
		p := new(P)
		if err := decode(params, p); err != nil {
			return nil, err
		}
		return f(s, ctx, p)
	}}
}

const reads, writes = false, true

// actions are all that there are. The names that begin with Lr are ours, for the
// command line; the others are the original's.
var actions = map[string]action{
	"CreateLiveRecordTemplate":    act(writes, (*Server).createTemplate),
	"ModifyLiveRecordTemplate":    act(writes, (*Server).modifyTemplate),
	"DeleteLiveRecordTemplate":    act(writes, (*Server).deleteTemplate),
	"DescribeLiveRecordTemplate":  act(reads, (*Server).describeTemplate),
	"DescribeLiveRecordTemplates": act(reads, (*Server).describeTemplates),

	"CreateLiveRecordRule":    act(writes, (*Server).createRule),
	"DeleteLiveRecordRule":    act(writes, (*Server).deleteRule),
	"DescribeLiveRecordRules": act(reads, (*Server).describeRules),

	"CreateRecordTask":   act(writes, (*Server).createTask),
	"StopRecordTask":     act(writes, (*Server).stopTask),
	"DeleteRecordTask":   act(writes, (*Server).deleteTask),
	"DescribeRecordTask": act(reads, (*Server).describeTasks),

	"CreateLiveCallbackTemplate":    act(writes, (*Server).createCallback),
	"ModifyLiveCallbackTemplate":    act(writes, (*Server).modifyCallback),
	"DeleteLiveCallbackTemplate":    act(writes, (*Server).deleteCallback),
	"DescribeLiveCallbackTemplate":  act(reads, (*Server).describeCallback),
	"DescribeLiveCallbackTemplates": act(reads, (*Server).describeCallbacks),

	"CreateLiveCallbackRule":    act(writes, (*Server).createCallbackRule),
	"DeleteLiveCallbackRule":    act(writes, (*Server).deleteCallbackRule),
	"DescribeLiveCallbackRules": act(reads, (*Server).describeCallbackRules),

	"CreateCommonMixStream": {run: mixing},
	"CancelCommonMixStream": {run: mixing},

	"LrList":    act(reads, (*Server).operatorList),
	"LrShow":    act(reads, (*Server).operatorShow),
	"LrStart":   act(writes, (*Server).operatorStart),
	"LrStop":    act(writes, (*Server).operatorStop),
	"LrEvents":  act(reads, (*Server).operatorEvents),
	"LrResend":  act(writes, (*Server).operatorResend),
	"LrExplain": act(reads, (*Server).operatorExplain),
}

// knows tells whether the action has a parameter of that name.
func (a action) knows(name string) bool {
	if a.input == nil {
		return false
	}
	_, ok := a.input.FieldByName(name)
	return ok
}

func mixing(context.Context, *Server, object) (any, error) {
	return nil, Errorf(codeUnsupported, "Streams are not mixed here: publish the mix under a path of its own, such as from ffmpeg; docs/api.md shows how, and how it is recorded.")
}
