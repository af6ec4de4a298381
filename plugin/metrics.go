package plugin

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/live-recording/liverecord/internal/hang"
	"github.com/live-recording/liverecord/internal/state"
)

// metrics shows counts at /metrics. They are read when they are asked for; names
// of streams are no labels. While the state's disk hangs its counts are missing.
type metrics struct {
	house    *house
	registry *prometheus.Registry
	state    *hang.Question[[]prometheus.Metric]
}

var (
	descRecordings = prometheus.NewDesc("liverecord_recordings", "Recordings by state (those that are done do not count).", []string{"state"}, nil)
	descFiles      = prometheus.NewDesc("liverecord_files", "Files on their way by state.", []string{"store", "state"}, nil)
	descBacklog    = prometheus.NewDesc("liverecord_backlog_bytes", "Bytes that have ended and are not stored yet.", []string{"store"}, nil)
	descSpool      = prometheus.NewDesc("liverecord_spool_bytes", "Bytes in the folder where a store's files grow.", []string{"store"}, nil)
	descSpoolLimit = prometheus.NewDesc("liverecord_spool_limit_bytes", "spool.maxSize.", nil, nil)
	descAside      = prometheus.NewDesc("liverecord_spool_set_aside_files", "Files in the folder where a store's files grow that could not be understood (.bad).", []string{"store"}, nil)
	descDropped    = prometheus.NewDesc("liverecord_dropped_units", "Units that running recordings had to drop: disk or machine too slow.", nil, nil)
	descQueue      = prometheus.NewDesc("liverecord_queue_bytes", "Bytes handed over to recordings and not yet acted on.", nil, nil)
	descAway       = prometheus.NewDesc("liverecord_store_away", "1: the store (empty: the spool of all remote stores) can't be used now.", []string{"store"}, nil)
	descBroken     = prometheus.NewDesc("liverecord_state_broken", "Broken states that were set aside and still lie there, and 1 more if the one in use is broken.", nil, nil)
	descHangs      = prometheus.NewDesc("liverecord_state_hangs", "1: the state's disk does not answer; what is counted in it is missing here.", nil, nil)
	descMemory     = prometheus.NewDesc("liverecord_memory_bytes", "Memory that media of recordings takes before it is on disk, with its overhead.", nil, nil)
	descMemoryMax  = prometheus.NewDesc("liverecord_memory_limit_bytes", "The limit of liverecord_memory_bytes: `memory`.", nil, nil)
	descShed       = prometheus.NewDesc("liverecord_memory_dropped_units_total", "Units dropped because the memory for recordings was used up.", nil, nil)
	descEvents     = prometheus.NewDesc("liverecord_events", "Notifications by endpoint and state.", []string{"endpoint", "state"}, nil)
)

func newMetrics(h *house) *metrics {
	m := &metrics{house: h, registry: prometheus.NewRegistry()}
	m.state = hang.Ask(m.ofState)
	m.registry.MustRegister(m)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRecordings, descFiles, descBacklog, descSpool, descSpoolLimit, descAside, descDropped, descQueue, descMemory, descMemoryMax, descShed, descAway, descBroken, descHangs, descEvents} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	a, hangs := m.state.Get(healthFresh, healthPatience)
	gauge(descHangs, float64(btoi(hangs > 0)))
	if hangs == 0 {
		for _, x := range a.Value {
			ch <- x
		}
	}
	var dropped, waiting int64
	for _, s := range m.house.recorder.Statuses() {
		dropped, waiting = dropped+s.Dropped, waiting+s.Waiting
	}
	gauge(descDropped, float64(dropped))
	gauge(descQueue, float64(waiting))
	gauge(descMemory, float64(m.house.memory.Used()))
	gauge(descMemoryMax, float64(m.house.memory.Limit()))
	ch <- prometheus.MustNewConstMetric(descShed, prometheus.CounterValue, float64(m.house.memory.Dropped()))
	away := m.house.places.absent()
	for _, name := range m.house.places.names() {
		if t, err := m.house.places.target(name); err == nil {
			gauge(descSpool, float64(t.Dir.Used()), name)
			gauge(descAside, float64(t.Dir.AsideCount()), name)
		}
		if away[name] == nil {
			gauge(descAway, 0, name)
		}
	}
	for name := range away {
		gauge(descAway, 1, name)
	}
	gauge(descSpoolLimit, float64(m.house.config.Load().Spool.MaxSize))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ofState counts what is in the state.
func (m *metrics) ofState() (out []prometheus.Metric, err error) {
	ctx := context.Background() // it could not break off what hangs
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out = append(out, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
	}
	m.counts(ctx, `SELECT state, '', COUNT(*), 0 FROM recordings WHERE state<>? GROUP BY state`, string(state.Done),
		func(st, _ string, n, _ float64) { gauge(descRecordings, n, st) })
	m.counts(ctx, `SELECT store, state, COUNT(*), SUM(size) FROM files WHERE state NOT IN ('stored','expired','lost') AND state<>? GROUP BY store, state`, "",
		func(store, st string, n, bytes float64) {
			gauge(descFiles, n, store, st)
			if st == string(state.FileEnded) {
				gauge(descBacklog, bytes, store)
			}
		})
	m.counts(ctx, `SELECT endpoint, state, COUNT(*), 0 FROM deliveries WHERE state<>? GROUP BY endpoint, state`, "",
		func(endpoint, st string, n, _ float64) { gauge(descEvents, n, endpoint, st) })
	aside, err := state.Aside(m.house.config.Load().State)
	gauge(descBroken, float64(len(aside)+btoi(m.house.db.Damage() != nil)))
	return out, err
}

// counts runs a query that yields two names and two numbers.
func (m *metrics) counts(ctx context.Context, query, arg string, each func(a, b string, n, sum float64)) {
	rows, err := m.house.db.Reader().QueryContext(ctx, query, arg)
	if err != nil {
		m.house.log.Error("metrics", "error", err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var a, b string
		var n, sum float64
		if err := rows.Scan(&a, &b, &n, &sum); err != nil {
			m.house.log.Error("metrics", "error", err)
			return
		}
		each(a, b, n, sum)
	}
}
