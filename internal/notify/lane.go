package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

const (
	laneBatch = 16          // events of a lane that are read and settled together
	laneTime  = time.Second // after which they are settled anyhow

	firstPause    = time.Second
	longestPause  = 5 * time.Minute
	longestWish   = time.Hour          // of Retry-After that is honoured
	patience      = 3 * 24 * time.Hour // until a delivery is parked
	startPatience = time.Hour          // after the start, or a jump of the clock, nothing is parked for its age
	mostRefusals  = 10                 // answers 4xx until a delivery is parked
	clockJump     = time.Hour          // of the clock against the time that has passed; patience starts again
)

// tooFar is later than any pause ends. A stored time beyond it is of a clock that
// was ahead, and counts as come.
func tooFar(now time.Time) time.Time { return now.Add(longestWish + 2*longestPause) }

// waits tells whether a stored time is still to come.
func waits(due, now time.Time) bool { return due.After(now) && !due.After(tooFar(now)) }

// lane sends the next events of one recording in order, until one fails.
func (w *worker) lane(ctx, attempts context.Context, recording int64) {
	queue, err := state.Lane(ctx, w.n.db.Reader(), w.id, recording, laneBatch)
	began := time.Now()
	if err != nil || len(queue) == 0 || queue[0].Delivery.Due.IsZero() || waits(queue[0].Delivery.Due, began) {
		sleep(ctx, time.Second) // the state is not as it was a moment ago; don't spin
		return
	}
	var settled []state.Delivery
	for _, o := range queue {
		a := w.attempt(attempts, &o.Event)
		if attempts.Err() != nil {
			break
		}
		d := o.Delivery
		w.judge(&d, a)
		settled = append(settled, d)
		if d.State == state.DeliveryWaiting || ctx.Err() != nil || time.Since(began) > laneTime || w.held().After(began) {
			break
		}
	}
	w.settle(ctx, settled)
}

// settle writes outcomes. While the state can't be written it goes on trying, so
// that nothing is sent again for that reason.
func (w *worker) settle(ctx context.Context, settled []state.Delivery) {
	if len(settled) == 0 {
		return
	}
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		err := w.n.db.Update(context.Background(), func(tx *state.Tx) error {
			for _, d := range settled {
				if err := tx.SettleDelivery(d); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil || errors.Is(err, state.ErrClosed) {
			return
		}
		if pause == time.Second {
			w.n.opt.Log.Error("events: the outcome of a delivery can't be written", "error", err)
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// outcome is what came of one attempt.
type outcome struct {
	status int           // HTTP status, 0 = no answer
	wish   time.Duration // Retry-After, 0 = none
	err    error         // nil = delivered
}

// attempt sends an event once.
func (w *worker) attempt(ctx context.Context, e *state.Event) outcome {
	ep, client, err := w.connection()
	if err != nil {
		return outcome{err: err}
	}
	now := time.Now()
	body := stamp(e.Body, ep.Keys, now)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, ep.URL, bytes.NewReader(body))
	if err != nil {
		return outcome{err: bare(err)}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", w.n.opt.UserAgent)
	req.Header.Set("X-Event-Id", e.ID)
	req.Header.Set("X-Event-Sequence", strconv.FormatInt(e.Sequence, 10))
	if len(ep.Keys) > 0 {
		req.Header.Set("X-Signature", signature(body, ep.Keys, now))
	}
	res, err := client.Do(req)
	if err != nil {
		return outcome{err: bare(err)}
	}
	defer res.Body.Close()
	// Nobody needs the answer's body; reading it lets the connection be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, answerLimit))
	return outcome{status: res.StatusCode, wish: retryAfter(res, time.Now()), err: failure(res)}
}

// failure is nil if the endpoint took the event.
func failure(res *http.Response) error {
	switch c := res.StatusCode; {
	case c >= 200 && c < 300:
		return nil
	case c >= 300 && c < 400:
		return fmt.Errorf("answered %d: redirects are not followed; set url to where it leads", c)
	case c == http.StatusUnauthorized || c == http.StatusForbidden:
		return fmt.Errorf("answered %d: does the receiver have the same key, and the right time?", c)
	default:
		return fmt.Errorf("answered %d", c)
	}
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3), bounded.
func retryAfter(res *http.Response, now time.Time) time.Duration {
	v := strings.TrimSpace(res.Header.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseUint(v, 10, 64); err == nil {
		return time.Duration(min(s, uint64(longestWish/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(t.Sub(now), 0), longestWish)
	}
	return 0
}

// refused tells whether the endpoint does not want this body, rather than not now.
func refused(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status >= 400 && status < 500
}

// judge turns an outcome into the delivery's next state.
func (w *worker) judge(d *state.Delivery, a outcome) {
	now := time.Now()
	d.Attempts++
	d.Tried, d.Status, d.Error = now, a.status, ""
	if a.err == nil {
		d.State = state.DeliveryDelivered
		w.succeeded()
		return
	}
	d.Error = short(a.err.Error())
	if refused(a.status) {
		d.Refused++
	}
	old := now.Sub(d.Queued) >= patience && now.Sub(w.n.patientSince(now)) >= startPatience
	if d.Refused >= mostRefusals || old {
		d.State = state.DeliveryParked
	}
	d.Due = now.Add(max(pause(d.Attempts), a.wish))
	if a.wish > 0 { // it speaks for the endpoint, not for one event
		until := now.Add(a.wish)
		w.hold.Store(&until)
	}
	w.failed(d)
}

// pause is how long to wait after that many attempts.
func pause(attempts int) time.Duration {
	p := longestPause
	if attempts < 10 {
		p = min(firstPause<<(attempts-1), longestPause)
	}
	return time.Duration(float64(p) * (0.8 + 0.4*rand.Float64())) //nolint:gosec // jitter is no secret
}

// short makes an error fit for a table.
func short(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
