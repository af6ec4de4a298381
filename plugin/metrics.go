package plugin

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/live-recording/liverecord/internal/state"
)

// metrics shows counts at /metrics. They are read when they are asked for; names
// of streams are no labels.
type metrics struct {
	house    *house
	registry *prometheus.Registry
}

var (
	descRecordings = prometheus.NewDesc("liverecord_recordings", "Recordings by state (those that are done do not count).", []string{"state"}, nil)
	descFiles      = prometheus.NewDesc("liverecord_files", "Files on their way by state.", []string{"store", "state"}, nil)
	descBacklog    = prometheus.NewDesc("liverecord_backlog_bytes", "Bytes that have ended and are not stored yet.", []string{"store"}, nil)
	descSpool      = prometheus.NewDesc("liverecord_spool_bytes", "Bytes in the folder where a store's files grow.", []string{"store"}, nil)
	descSpoolLimit = prometheus.NewDesc("liverecord_spool_limit_bytes", "spool.maxSize.", nil, nil)
	descDropped    = prometheus.NewDesc("liverecord_dropped_units", "Units that running recordings had to drop: disk or machine too slow.", nil, nil)
	descQueue      = prometheus.NewDesc("liverecord_queue_bytes", "Bytes handed over to recordings and not yet acted on.", nil, nil)
	descMemory     = prometheus.NewDesc("liverecord_memory_bytes", "Memory that media of recordings takes before it is on disk, with its overhead.", nil, nil)
	descMemoryMax  = prometheus.NewDesc("liverecord_memory_limit_bytes", "The limit of liverecord_memory_bytes: `memory`.", nil, nil)
	descShed       = prometheus.NewDesc("liverecord_memory_dropped_units_total", "Units dropped because the memory for recordings was used up.", nil, nil)
	descEvents     = prometheus.NewDesc("liverecord_events", "Notifications by endpoint and state.", []string{"endpoint", "state"}, nil)
)

func newMetrics(h *house) *metrics {
	m := &metrics{house: h, registry: prometheus.NewRegistry()}
	m.registry.MustRegister(m)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRecordings, descFiles, descBacklog, descSpool, descSpoolLimit, descDropped, descQueue, descMemory, descMemoryMax, descShed, descEvents} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
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
	var dropped, waiting int64
	for _, s := range m.house.recorder.Statuses() {
		dropped, waiting = dropped+s.Dropped, waiting+s.Waiting
	}
	gauge(descDropped, float64(dropped))
	gauge(descQueue, float64(waiting))
	gauge(descMemory, float64(m.house.memory.Used()))
	gauge(descMemoryMax, float64(m.house.memory.Limit()))
	ch <- prometheus.MustNewConstMetric(descShed, prometheus.CounterValue, float64(m.house.memory.Dropped()))
	for _, name := range m.house.places.names() {
		if t, err := m.house.places.target(name); err == nil {
			gauge(descSpool, float64(t.Dir.Used()), name)
		}
	}
	gauge(descSpoolLimit, float64(m.house.config.Load().Spool.MaxSize))
	m.counts(ctx, `SELECT endpoint, state, COUNT(*), 0 FROM deliveries WHERE state<>? GROUP BY endpoint, state`, "",
		func(endpoint, st string, n, _ float64) { gauge(descEvents, n, endpoint, st) })
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
