package plugin

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/live-recording/liverecord/internal/mask"
)

// newLogger shows slog records through the host's logger, one line each.
func newLogger(logf func(slog.Level, string)) *slog.Logger {
	if logf == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(&hostHandler{logf: logf})
}

type hostHandler struct {
	logf   func(slog.Level, string)
	prefix string // attributes of With
}

// Enabled implements slog.Handler; the host filters by its own level.
func (h *hostHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h *hostHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString("[recorder] ")
	b.WriteString(mask.Text(r.Message))
	b.WriteString(h.prefix)
	r.Attrs(func(a slog.Attr) bool { writeAttr(&b, a); return true })
	h.logf(r.Level, b.String())
	return nil
}

// WithAttrs implements slog.Handler.
func (h *hostHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.prefix)
	for _, a := range attrs {
		writeAttr(&b, a)
	}
	return &hostHandler{h.logf, b.String()}
}

// WithGroup implements slog.Handler; groups are not used here.
func (h *hostHandler) WithGroup(string) slog.Handler { return h }

func writeAttr(b *strings.Builder, a slog.Attr) {
	v := a.Value.Resolve().String()
	if strings.ContainsAny(v, " \"=") || v == "" || !mask.Printable(v) {
		fmt.Fprintf(b, " %s=%q", a.Key, v) // escapes what mask.Text does
		return
	}
	fmt.Fprintf(b, " %s=%s", a.Key, v)
}
