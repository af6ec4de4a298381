package config

import (
	"errors"
	"fmt"
	"io"
)

// Check loads the file at path and prints to w what `record check` prints:
// every problem and warning on a line of its own, then a summary. It returns
// the exit status: 0 if the file is good, also with warnings, else 1.
func Check(w io.Writer, path string) int {
	c, err := Load(path)
	var ps Problems
	if errors.As(err, &ps) {
		for _, p := range ps {
			fmt.Fprintln(w, p.Error())
		}
		fmt.Fprintf(w, "%s: %s\n", path, count(len(ps), "problem"))
		return 1
	}
	for _, p := range c.Warnings {
		fmt.Fprintln(w, p.Labeled("warning: "))
	}
	fmt.Fprintf(w, "%s: ok: %s", path, c.summary())
	if len(c.Warnings) > 0 {
		fmt.Fprintf(w, "; %s", count(len(c.Warnings), "warning"))
	}
	fmt.Fprintln(w)
	return 0
}

// summary counts what a Config holds.
func (c *Config) summary() string {
	return count(len(c.Stores), "store") + ", " + count(len(c.Templates), "template") + ", " +
		count(len(c.Rules), "rule") + ", " + count(len(c.Callbacks), "callback")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
