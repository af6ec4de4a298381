// Package api serves the Tencent Cloud Live API, version 2018-08-01, as far as it
// concerns recording, so that the official SDKs work with only their endpoint
// changed. What each action does here is written down in docs/api.md.
//
// # One request's way
//
//	Server.ServeHTTP   mounts beside the API, check of Host, panics      server.go
//	serveAPI           limits, deadlines, answer, audit log              serve.go
//	authenticate       TC3-HMAC-SHA256 (tc3.go) or HmacSHA1/256 (v1.go)  auth.go
//	parseJSON, parseForm  parameters as a tree                           tree.go
//	decode             tree → struct, by its fields' names and tags      decode.go
//	action             one function each                                 actions.go, templates.go …
//
// A request is refused before its body is read if its key or its time is wrong,
// and always before anything looks at its parameters if its signature is.
// Answers are HTTP 200, errors too: the Node SDK throws the body of any other
// status away. Cookies are never looked at.
//
// # What it changes
//
// Actions read and write package state; each write is committed before Changed,
// CallbacksChanged or TasksChanged is called, and these return before the answer
// is sent: what was answered counts. Dynamic and Callbacks turn the rows into
// what plan and notify work with; both also serve a server without API.
//
// What recording.yml defines is listed here, under ids from package plan, and
// can't be changed here.
package api
