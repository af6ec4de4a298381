package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/mask"
)

// Bounds for one call, so that slow clients hold nothing for long.
const (
	readTimeout  = 30 * time.Second
	writeTimeout = 30 * time.Second
)

// serveAPI answers one call.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	s.stats.requests.Add(1)
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(readTimeout)) // a recorder of tests has none
	req := &request{}
	id := newRequestID()
	result, err := s.call(r, req)
	_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	if isAuthFailure(err) {
		err = s.noteFailure(r, req, id, err)
	}
	if a := actions[req.action]; a.write && req.params != nil {
		s.audit(r, req, id, result, err)
	}
	e := s.shownError(id, req.action, err)
	s.answer(w, id, result, e)
}

// call authenticates and runs the action. The signature is checked first: who
// knows the key is answered, whatever else came from the same address.
func (s *Server) call(r *http.Request, req *request) (any, error) {
	if err := s.authenticate(r, req); err != nil {
		return nil, err
	}
	a, ok := actions[req.action]
	switch {
	case req.action == "":
		return nil, Errorf(codeMissing, "The action is missing.")
	case req.version == "":
		return nil, Errorf(codeMissing, "The version is missing.")
	case req.version != Version:
		return nil, Errorf(codeNoSuchVersion, "There is only version %s.", Version)
	case !ok:
		return nil, Errorf(codeInvalidAction, "There is no action %q here.", clip(req.action))
	}
	// The change is made and told whole, also if the caller is gone by then.
	return a.run(context.WithoutCancel(r.Context()), s, req.params)
}

func (s *Server) shownError(id, action string, err error) *Error {
	if err == nil {
		return nil
	}
	s.stats.errors.Add(1)
	e, ok := shown(err)
	if !ok {
		s.log.Error("api: an action failed", "action", action, "requestID", id, "error", err)
	}
	return e
}

// noteFailure counts a failed signature, logs the first of a burst, and returns
// the error to answer: after too many failures it no longer tells what was wrong.
func (s *Server) noteFailure(r *http.Request, req *request, id string, err error) error {
	remote, now := remoteOf(r.RemoteAddr), s.now()
	if !s.limiter.allowed(remote, now) {
		s.stats.limited.Add(1)
		return Errorf(codeIPLimit, "Too many requests with a wrong signature came from this address; wait a minute.")
	}
	s.stats.authFailures.Add(1)
	if s.limiter.failed(remote, now) {
		e, _ := shown(err)
		s.log.Warn("api: a request was refused; more of this address within a minute are only counted",
			"code", e.Code, "remote", r.RemoteAddr, "secretID", clip(req.secretID), "action", clip(req.action), "requestID", id)
	}
	return err
}

// audited are the parameters that the audit log shows. Keys and addresses, which
// may hold secrets, are not among them.
var audited = []string{"TemplateId", "TemplateName", "DomainName", "AppName", "StreamName", "TaskId",
	"StartTime", "EndTime", "StreamType", "Template", "For", "EventId"}

// audit logs a call that was meant to change something.
func (s *Server) audit(r *http.Request, req *request, id string, result any, err error) {
	attrs := []slog.Attr{slog.String("action", req.action), slog.String("secretID", req.secretID),
		slog.String("remote", r.RemoteAddr), slog.String("requestID", id)}
	for _, name := range audited {
		switch v := req.params[name].(type) {
		case string:
			attrs = append(attrs, slog.String(name, clip(v)))
		case json.Number:
			attrs = append(attrs, slog.String(name, v.String()))
		}
	}
	if made, ok := result.(interface{ made() slog.Attr }); ok && err == nil {
		attrs = append(attrs, made.made())
	}
	code := "ok"
	if err != nil {
		e, _ := shown(err)
		code = e.Code
	}
	s.log.LogAttrs(r.Context(), slog.LevelInfo, "api: write", append(attrs, slog.String("result", code))...)
}

// answer writes {"Response":{…,"RequestId":"…"}}. Result is nil or marshals to an
// object.
func (s *Server) answer(w http.ResponseWriter, id string, result any, e *Error) {
	if e != nil {
		result = struct{ Error errorBody }{errorBody{e.Code, e.Message}}
	} else if result == nil {
		result = struct{}{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(result); err != nil || b.Bytes()[0] != '{' {
		s.log.Error("api: a result has no JSON form", "requestID", id, "error", err)
		s.answer(w, id, nil, Errorf(codeInternal, "The result could not be written."))
		return
	}
	fields := strings.TrimSuffix(strings.TrimSpace(mask.JSON(b.String()))[1:], "}")
	if fields != "" {
		fields += ","
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintf(w, `{"Response":{%s"RequestId":%q}}`, fields, id)
}

type errorBody struct{ Code, Message string }

// newRequestID returns a random UUID (RFC 9562, version 4).
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
