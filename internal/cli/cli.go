// Package cli is `mediamtx record …`, the operator's command line.
//
// # Where answers come from
//
//	check              the configuration file alone
//	explain            configuration and state; what is live comes from the server
//	list, show         the state; what a running server knows besides is added
//	start, stop        the server, through its API
//	events             the server; without one the state (--resend needs the server)
//	verify             the stores, compared with the state
//	recover --dry-run  spool folders and state
//	doctor             the stores, disks and the server, tried
//
// The state and the spool are only ever read, so every command may run beside
// the server. The API is called with the key pair that the server left beside
// its state (data/credentials): who can read that file may run these commands.
//
// # Output
//
// Plain text in aligned columns, or JSON by --json. What strangers typed, such
// as a stream's name, is data: control characters in it are escaped, in both.
//
// The exit status is 0 if all is well, 1 if problems were found or the command
// failed, 2 if it was called wrongly.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/live-recording/liverecord/config"
)

// The exit statuses.
const (
	good  = 0
	bad   = 1
	usage = 2
)

// Run runs a command, args without `mediamtx record`, and returns the exit
// status.
func Run(args []string, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := &command{ctx: ctx, out: out, errs: errs, env: os.LookupEnv, now: time.Now}
	return c.run(args)
}

// command is one run of the command line.
type command struct {
	ctx  context.Context //nolint:containedctx // lives as long as one command
	out  io.Writer
	errs io.Writer
	env  func(string) (string, bool)
	now  func() time.Time

	configFile string
	json       bool
}

// verb is what may follow `mediamtx record`.
type verb struct {
	name, args, help string
	run              func(c *command, f *flag.FlagSet, args []string) (int, error)
}

func verbs() []verb {
	return []verb{
		{"check", "[FILE]", "read the configuration, and name every mistake in it", (*command).check},
		{"explain", "DOMAIN/APP/STREAM", "which rules match, which one wins and why, what is recorded to which keys", (*command).explain},
		{"list", "[DOMAIN/APP/STREAM]", "recordings, the latest first", (*command).list},
		{"show", "ID", "one recording with all its files", (*command).show},
		{"start", "DOMAIN/APP/STREAM", "record a stream from now on, besides what the rules say", (*command).start},
		{"stop", "ID|DOMAIN/APP/STREAM", "end a recording or a task, also one that waits for its publisher", (*command).stop},
		{"events", "", "notifications and what became of them", (*command).events},
		{"verify", "ID|FILE", "read again what was stored, and prove it whole", (*command).verify},
		{"recover", "--dry-run", "what the next start will repair, take up and upload", (*command).recovery},
		{"doctor", "", "try what recording needs: buckets, clocks, disks, the server", (*command).doctor},
	}
}

// usageError is a wrong call; flagged tells that it was printed already.
type usageError struct {
	text    string
	flagged bool
}

func (e *usageError) Error() string { return e.text }

func misused(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

func (c *command) run(args []string) int {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "--help"}, args[0]) {
		c.overview()
		if len(args) == 0 {
			return usage
		}
		return good
	}
	i := slices.IndexFunc(verbs(), func(v verb) bool { return v.name == args[0] })
	if i < 0 {
		c.complain("there is no command %s", args[0])
		c.overview()
		return usage
	}
	v := verbs()[i]
	f := c.flags(v)
	status, err := v.run(c, f, args[1:])
	return c.judge(v, status, err)
}

// judge prints an error and turns it into a status.
func (c *command) judge(v verb, status int, err error) int {
	var wrong *usageError
	var problems config.Problems
	switch {
	case err == nil:
		return status
	case errors.Is(err, flag.ErrHelp):
		return good
	case errors.As(err, &wrong):
		if !wrong.flagged {
			c.complain("%s", wrong.text)
			fmt.Fprintf(c.errs, "usage: mediamtx record %s %s\n", v.name, v.args)
		}
		return usage
	case errors.As(err, &problems):
		for _, p := range problems {
			c.complain("%s", p)
		}
		return bad
	}
	c.complain("%s", err)
	return bad
}

func (c *command) overview() {
	fmt.Fprint(c.errs, "usage: mediamtx record COMMAND\n\n")
	var t table
	for _, v := range verbs() {
		t.row("  "+v.name+" "+v.args, v.help)
	}
	t.write(c.errs)
	fmt.Fprint(c.errs, `
All take --config recording.yml; without it the file is found as the server finds
it: MTX_LIVERECORD, else liveRecord in mediamtx.yml in the working directory.
COMMAND --help lists the options of a command.
`)
}

func (c *command) flags(v verb) *flag.FlagSet {
	f := flag.NewFlagSet(v.name, flag.ContinueOnError)
	f.SetOutput(c.errs)
	f.StringVar(&c.configFile, "config", "", "`FILE` to use as recording.yml")
	f.Usage = func() {
		fmt.Fprintf(c.errs, "usage: mediamtx record %s %s\n  %s\n\n", v.name, v.args, v.help)
		f.PrintDefaults()
	}
	return f
}

func (c *command) jsonFlag(f *flag.FlagSet) { f.BoolVar(&c.json, "json", false, "write JSON") }

// parse reads options and arguments in any order; there may be min to max
// arguments.
func parse(f *flag.FlagSet, args []string, least, most int) ([]string, error) {
	var plain []string
	for {
		if err := f.Parse(args); err != nil {
			if !errors.Is(err, flag.ErrHelp) {
				err = &usageError{text: err.Error(), flagged: true}
			}
			return nil, err
		}
		args = f.Args()
		if len(args) == 0 {
			break
		}
		plain, args = append(plain, args[0]), args[1:]
	}
	switch {
	case len(plain) < least:
		return nil, misused("an argument is missing")
	case len(plain) > most:
		return nil, misused("%s is too much", strings.Join(plain[most:], " "))
	}
	return plain, nil
}

// check reads the configuration.
func (c *command) check(f *flag.FlagSet, args []string) (int, error) {
	args, err := parse(f, args, 0, 1)
	if err != nil {
		return usage, err
	}
	if len(args) == 1 {
		c.configFile = args[0]
	}
	file, err := c.findConfig()
	if err != nil {
		return bad, err
	}
	return config.Check(c.out, file), nil
}
