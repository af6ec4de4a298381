package config

import (
	"log/slog"
	"strings"
)

// The String, GoString and LogValue methods below keep secrets out of logs and
// messages. Since any value may come from the environment, they show names and
// counts only.

// String counts what c holds. It shows no value.
func (c Config) String() string { return "config: " + c.summary() }

// GoString is String, for %#v.
func (c Config) GoString() string { return c.String() }

// LogValue is String, for slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String shows the name and the type.
func (s Store) String() string { return "store " + s.Name + " (" + s.Type + ")" }

// GoString is String, for %#v.
func (s Store) GoString() string { return s.String() }

// LogValue is String, for slog.
func (s Store) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String shows which events are sent; the URL may hold a token.
func (c Callback) String() string { return "callback (" + strings.Join(c.Events, ", ") + ")" }

// GoString is String, for %#v.
func (c Callback) GoString() string { return c.String() }

// LogValue is String, for slog.
func (c Callback) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String shows nothing of the pair.
func (c Credential) String() string { return "credential" }

// GoString is String, for %#v.
func (c Credential) GoString() string { return c.String() }

// LogValue is String, for slog.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }
