package torture

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// receiver is an operator's endpoint with bad days: now and then it answers 500,
// hangs up before or after it has taken an event in.
type receiver struct {
	url string

	mu     sync.Mutex
	chance *rand.Rand
	sick   float64
	bodies map[string]string // by X-Event-Id, without t and sign
	kinds  map[string]int    // event_type by id
	taken  int               // POSTs that were taken in
	broken int               // POSTs that were treated badly
	two    []string          // ids that came with two bodies
}

func receive(t *testing.T, chance *rand.Rand, sick float64) *receiver {
	r := &receiver{chance: chance, sick: sick, bodies: map[string]string{}, kinds: map[string]int{}}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	text, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	switch mood := r.mood(); {
	case mood < 0.25:
		http.Error(w, "not now", http.StatusInternalServerError)
	case mood < 0.5:
		hangUp(w)
	case mood < 0.75:
		time.Sleep(time.Second)
		r.take(req.Header.Get("X-Event-Id"), text)
	case mood < 1: // taken in, but nobody learns of it
		r.take(req.Header.Get("X-Event-Id"), text)
		hangUp(w)
	default:
		r.take(req.Header.Get("X-Event-Id"), text)
	}
}

// mood is below 1 for what is treated badly.
func (r *receiver) mood() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.chance.Float64() >= r.sick {
		return 1
	}
	r.broken++
	return r.chance.Float64()
}

func hangUp(w http.ResponseWriter) {
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		c.Close()
	}
}

func (r *receiver) take(id string, text []byte) {
	body := map[string]any{}
	if json.Unmarshal(text, &body) != nil {
		body["unreadable"] = string(text)
	}
	delete(body, "t")
	delete(body, "sign")
	kind, _ := body["event_type"].(float64)
	plain, _ := json.Marshal(body) // a map that came out of JSON
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken++
	if old, ok := r.bodies[id]; ok && old != string(plain) {
		r.two = append(r.two, id)
	}
	r.bodies[id], r.kinds[id] = string(plain), int(kind)
}

// of returns the ids of the events of a type.
func (r *receiver) of(kind int) map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[string]bool{}
	for id, k := range r.kinds {
		if k == kind {
			ids[id] = true
		}
	}
	return ids
}

// text returns the bodies of the events of a type.
func (r *receiver) text(kind int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := ""
	for id, k := range r.kinds {
		if k == kind {
			text += r.bodies[id] + "\n"
		}
	}
	return text
}

// waitAbnormal waits for an abnormal event that says so; they are collected for
// ten seconds before they go out.
func (r *receiver) waitAbnormal(t *testing.T, part string) {
	t.Helper()
	until(t, "an abnormal event with "+part, 25*time.Second, func() bool { return strings.Contains(r.text(341), part) })
}

// all returns the ids of all events.
func (r *receiver) all() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[string]bool{}
	for id := range r.kinds {
		ids[id] = true
	}
	return ids
}
