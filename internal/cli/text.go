package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// say prints a line. Texts among args may hold anything.
func (c *command) say(format string, args ...any) {
	fmt.Fprintf(c.out, format+"\n", cleanAll(args)...)
}

// complain prints a line to the error output.
func (c *command) complain(format string, args ...any) {
	fmt.Fprintf(c.errs, "record: "+format+"\n", cleanAll(args)...)
}

func cleanAll(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case error:
			out[i] = clean(v.Error())
		case fmt.Stringer:
			out[i] = clean(v.String())
		default:
			out[i] = a
			if r := reflect.ValueOf(a); r.Kind() == reflect.String {
				out[i] = clean(r.String())
			}
		}
	}
	return out
}

// clean escapes what could forge lines or steer a terminal: control characters,
// invisible ones that change the order of text, bytes that are no UTF-8.
func clean(s string) string {
	if printable(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
		i += n
	}
	return b.String()
}

func printable(s string) bool {
	for _, r := range s {
		if !strconv.IsPrint(r) || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// widest is how many characters a cell of a table may have.
const widest = 100

func short(s string) string {
	s = clean(s)
	if utf8.RuneCountInString(s) <= widest {
		return s
	}
	r := []rune(s)
	return string(r[:widest-1]) + "…"
}

// table is aligned columns of text.
type table struct{ rows [][]string }

// row adds a line. Cells may hold anything; empty ones are shown as "-".
func (t *table) row(cells ...string) {
	for i, s := range cells {
		if cells[i] = clean(s); cells[i] == "" {
			cells[i] = "-"
		}
	}
	t.rows = append(t.rows, cells)
}

func (t *table) write(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range t.rows {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	_ = tw.Flush() // as any print
}

// writeJSON prints a value for programs.
func (c *command) writeJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(c.out, escapeJSON(b.String()))
	return err
}

// escapeJSON escapes what JSON would let through to a terminal.
func escapeJSON(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || strconv.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// bytesText is a size for people, in binary units as in the configuration.
func bytesText(n int64) string {
	if n < 1<<10 {
		return strconv.FormatInt(n, 10) + " B"
	}
	unit, v := 0, float64(n)/(1<<10)
	for v >= 999.5 && unit < 3 {
		unit, v = unit+1, v/(1<<10)
	}
	return fmt.Sprintf("%.3g %cB", v, "KMGT"[unit])
}

// timeText is a time for people, in the zone of this machine's clock.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// lengthText is a duration for people, in seconds.
func lengthText(d time.Duration) string {
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// settingText is a duration of the configuration; 0 has a meaning of its own.
func settingText(d time.Duration, zero string) string {
	if d == 0 {
		return zero
	}
	return lengthText(d)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
