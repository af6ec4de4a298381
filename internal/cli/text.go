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
	"unicode/utf8"

	"github.com/live-recording/liverecord/internal/mask"
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
			out[i] = mask.Text(v.Error())
		case fmt.Stringer:
			out[i] = mask.Text(v.String())
		default:
			out[i] = a
			if r := reflect.ValueOf(a); r.Kind() == reflect.String {
				out[i] = mask.Text(r.String())
			}
		}
	}
	return out
}

// widest is how many characters a cell of a table may have.
const widest = 100

func short(s string) string {
	s = mask.Text(s)
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
		if cells[i] = mask.Text(s); cells[i] == "" {
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
	_, err := io.WriteString(c.out, mask.JSON(b.String()))
	return err
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
