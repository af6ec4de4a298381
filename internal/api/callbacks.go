package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

// maskedKey is shown instead of a signing key. To send it back in a change
// leaves the key as it is.
const maskedKey = "******"

type createCallbackInput struct {
	TemplateName             *string `api:"required"`
	Description              *string
	StreamBeginNotifyUrl     *string
	StreamEndNotifyUrl       *string
	RecordNotifyUrl          *string // event 100
	RecordStatusNotifyUrl    *string // event 332
	RecordExceptionNotifyUrl *string // event 341
	SnapshotNotifyUrl        *string
	PornCensorshipNotifyUrl  *string
	PushExceptionNotifyUrl   *string
	AudioAuditNotifyUrl      *string
	StreamMixNotifyUrl       *string
	RecordExceptionLevels    []string // error, warning, info; none = all
	CallbackKey              *string
}

type modifyCallbackInput struct {
	TemplateId               *int64 `api:"required"`
	TemplateName             *string
	Description              *string
	StreamBeginNotifyUrl     *string
	StreamEndNotifyUrl       *string
	RecordNotifyUrl          *string // event 100
	RecordStatusNotifyUrl    *string // event 332
	RecordExceptionNotifyUrl *string // event 341
	SnapshotNotifyUrl        *string
	PornCensorshipNotifyUrl  *string
	PushExceptionNotifyUrl   *string
	AudioAuditNotifyUrl      *string
	StreamMixNotifyUrl       *string
	RecordExceptionLevels    []string
	CallbackKey              *string
}

// callbackInfo is a callback template as it is stored and, but for its key, shown
// (reference §1.17). Addresses that tell of other things than recording are kept
// and never called.
type callbackInfo struct {
	TemplateId               int64
	TemplateName             string
	Description              string
	StreamBeginNotifyUrl     string
	StreamEndNotifyUrl       string
	RecordNotifyUrl          string // event 100
	RecordStatusNotifyUrl    string // event 332
	RecordExceptionNotifyUrl string // event 341
	SnapshotNotifyUrl        string
	PornCensorshipNotifyUrl  string
	PushExceptionNotifyUrl   string
	AudioAuditNotifyUrl      string
	StreamMixNotifyUrl       string
	RecordExceptionLevels    []string
	CallbackKey              string
}

// address is one of the addresses under its parameter's name.
type address struct {
	name string
	at   *string
}

func (i *callbackInfo) addresses() []address {
	return []address{
		{"StreamBeginNotifyUrl", &i.StreamBeginNotifyUrl},
		{"StreamEndNotifyUrl", &i.StreamEndNotifyUrl},
		{"RecordNotifyUrl", &i.RecordNotifyUrl},
		{"RecordStatusNotifyUrl", &i.RecordStatusNotifyUrl},
		{"RecordExceptionNotifyUrl", &i.RecordExceptionNotifyUrl},
		{"SnapshotNotifyUrl", &i.SnapshotNotifyUrl},
		{"PornCensorshipNotifyUrl", &i.PornCensorshipNotifyUrl},
		{"PushExceptionNotifyUrl", &i.PushExceptionNotifyUrl},
		{"AudioAuditNotifyUrl", &i.AudioAuditNotifyUrl},
		{"StreamMixNotifyUrl", &i.StreamMixNotifyUrl},
	}
}

// apply takes over what is given; an empty address removes one.
func (i *callbackInfo) apply(p *modifyCallbackInput) {
	i.TemplateName = value(p.TemplateName, i.TemplateName)
	i.Description = value(p.Description, i.Description)
	given := []*string{p.StreamBeginNotifyUrl, p.StreamEndNotifyUrl, p.RecordNotifyUrl, p.RecordStatusNotifyUrl, p.RecordExceptionNotifyUrl, p.SnapshotNotifyUrl, p.PornCensorshipNotifyUrl, p.PushExceptionNotifyUrl, p.AudioAuditNotifyUrl, p.StreamMixNotifyUrl}
	for n, a := range i.addresses() {
		*a.at = value(given[n], *a.at)
	}
	if p.RecordExceptionLevels != nil {
		i.RecordExceptionLevels = p.RecordExceptionLevels
	}
	if key := value(p.CallbackKey, maskedKey); key != maskedKey {
		i.CallbackKey = key
	}
}

func (i *callbackInfo) check(checker func(string) error) error {
	if err := checkTemplateName(i.TemplateName, codeArgsNotMatch); err != nil {
		return err
	}
	if err := cmp.Or(checkText("Description", i.Description, maxText), checkText("CallbackKey", i.CallbackKey, maxName)); err != nil {
		return err
	}
	for n, l := range i.RecordExceptionLevels {
		if !slices.Contains([]string{"error", "warning", "info"}, l) || slices.Contains(i.RecordExceptionLevels[:n], l) {
			return Errorf(codeInvalidValue, "RecordExceptionLevels may hold error, warning and info, once each.")
		}
	}
	found := false
	for _, a := range i.addresses() {
		if *a.at == "" {
			continue
		}
		found = true
		if err := checkURL(a.name, *a.at, checker); err != nil {
			return err
		}
	}
	if !found {
		return Errorf(codeMissing, "At least one address is needed, such as RecordNotifyUrl.")
	}
	return nil
}

// checkURL allows https alone if there is no checker.
func checkURL(name, text string, checker func(string) error) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return Errorf(codeURLNotSafe, "%s is not an http or https URL.", name)
	case u.User != nil || u.Fragment != "":
		return Errorf(codeURLNotSafe, "%s must hold neither a password nor a fragment.", name)
	case len(text) > maxText:
		return Errorf(codeURLNotSafe, "%s is longer than %d bytes.", name, maxText)
	case checker == nil && u.Scheme != "https":
		return Errorf(codeURLNotSafe, "%s must use https.", name)
	case checker == nil:
		return nil
	}
	if err := checker(text); err != nil {
		return Errorf(codeURLNotSafe, "%s: %s.", name, err)
	}
	return nil
}

// shown hides the key.
func (i *callbackInfo) shown() *callbackInfo {
	out := *i
	if out.CallbackKey != "" {
		out.CallbackKey = maskedKey
	}
	if out.RecordExceptionLevels == nil {
		out.RecordExceptionLevels = []string{}
	}
	return &out
}

func storedCallback(r *state.TemplateRow) (*callbackInfo, error) {
	i := &callbackInfo{}
	if err := json.Unmarshal(r.Body, i); err != nil {
		return nil, fmt.Errorf("callback template %d: %w", r.ID, err)
	}
	i.TemplateId = r.ID
	return i, nil
}

// yamlCallback shows a callback of recording.yml: of its address only the host,
// since the rest may hold a secret.
func yamlCallback(n int, b config.Callback) *callbackInfo {
	i := &callbackInfo{TemplateId: yamlCallbackID(b), TemplateName: fmt.Sprintf("recording-yml-callback-%d", n+1),
		Description: "recording.yml, read-only; the path of its address is not shown"}
	shown := ""
	if u, err := url.Parse(b.URL); err == nil {
		shown = u.Scheme + "://" + u.Host
		if u.Path != "" && u.Path != "/" || u.RawQuery != "" {
			shown += "/***"
		}
	}
	for _, e := range b.Events {
		switch e {
		case "file":
			i.RecordNotifyUrl = shown
		case "status":
			i.RecordStatusNotifyUrl = shown
		case "abnormal":
			i.RecordExceptionNotifyUrl = shown
		}
	}
	if len(b.Keys) > 0 {
		i.CallbackKey = maskedKey
	}
	return i
}

// yamlCallbackID outlives every change but that of address, filters and events.
func yamlCallbackID(b config.Callback) int64 {
	return plan.TemplateID(fmt.Sprintf("callback %q %q %q %q", b.URL, b.Domain, b.App, b.Events))
}

// ownCallback refuses what must not be changed here.
func ownCallback(c *config.Config, id int64) error {
	for _, b := range c.Callbacks {
		if yamlCallbackID(b) == id {
			return Errorf(codeUnsupported, "Callback %d is defined in recording.yml and can only be changed there.", id)
		}
	}
	return nil
}

func noCallback(id int64) error { return Errorf(codeNotFound, "There is no callback template %d.", id) }
