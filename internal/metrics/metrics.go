// Package metrics serves the counts of /metrics for Prometheus. They are read when
// they are asked for; names of streams are no labels.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/live-recording/liverecord/internal/state"
)

// Options say where the counts come from. All functions may be called at any time.
type Options struct {
	DB  *state.DB
	Log *slog.Logger

	// Queues returns how many units running recordings had to drop, and how many
	// bytes were handed over to them and not yet acted on.
	Queues func() (dropped, waiting int64)
	// Spools returns, by store, the bytes in the folder where its files grow.
	Spools func() map[string]int64
	// SpoolLimit is spool.maxSize in bytes.
	SpoolLimit func() int64
}

// Metrics is a collector of all counts.
type Metrics struct {
	opt      Options
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
	descEvents     = prometheus.NewDesc("liverecord_events", "Notifications by endpoint and state.", []string{"endpoint", "state"}, nil)
)

// New makes the collector.
func New(o Options) *Metrics {
	m := &Metrics{opt: o, registry: prometheus.NewRegistry()}
	m.registry.MustRegister(m)
	return m
}

// Handler serves the counts.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRecordings, descFiles, descBacklog, descSpool, descSpoolLimit, descDropped, descQueue, descEvents} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
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
	dropped, waiting := m.opt.Queues()
	gauge(descDropped, float64(dropped))
	gauge(descQueue, float64(waiting))
	for name, bytes := range m.opt.Spools() {
		gauge(descSpool, float64(bytes), name)
	}
	gauge(descSpoolLimit, float64(m.opt.SpoolLimit()))
	m.counts(ctx, `SELECT endpoint, state, COUNT(*), 0 FROM deliveries WHERE state<>? GROUP BY endpoint, state`, "",
		func(endpoint, st string, n, _ float64) { gauge(descEvents, n, endpoint, st) })
}

// counts runs a query that yields two names and two numbers.
func (m *Metrics) counts(ctx context.Context, query, arg string, each func(a, b string, n, sum float64)) {
	rows, err := m.opt.DB.Reader().QueryContext(ctx, query, arg)
	if err != nil {
		m.opt.Log.Error("metrics can't be read", "error", err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var a, b string
		var n, sum float64
		if err := rows.Scan(&a, &b, &n, &sum); err != nil {
			m.opt.Log.Error("metrics can't be read", "error", err)
			return
		}
		each(a, b, n, sum)
	}
}
