// Package metrics shows counts at /metrics. They are read when they are asked for;
// names of streams are no labels. While the state's disk hangs, what is counted in
// it is missing.
package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/live-recording/liverecord/internal/hang"
	"github.com/live-recording/liverecord/internal/state"
)

const (
	// fresh is how old what is shown of the state may be.
	fresh = time.Second
	// patience is how long whoever asks waits for the state's disk.
	patience = 2 * time.Second
)

// Memory is the use of the budget for media.
type Memory struct {
	Used, Limit int64 // bytes
	Dropped     int64 // units that were dropped because the budget was used up
}

// Spool is the folder where the files of a store grow.
type Spool struct {
	Bytes int64 // in the folder
	Aside int64 // files that were set aside
}

// Options say where the counts come from. All functions may be called at any time,
// and don't wait for a disk, except Broken.
type Options struct {
	DB  *state.DB
	Log *slog.Logger

	// Queues returns how many units running recordings had to drop, and how many
	// bytes were handed over to them and not yet acted on.
	Queues func() (dropped, waiting int64)
	// Spools returns the folders by their store.
	Spools func() map[string]Spool
	// Away tells of each store by name whether it can't be used now. The name of
	// the spool that all remote stores share is empty.
	Away func() map[string]bool
	// SpoolLimit is spool.maxSize in bytes.
	SpoolLimit func() int64
	// Memory is the budget for media.
	Memory func() Memory
	// Broken counts the states that were set aside, and the one in use if it is
	// broken. It may wait for the state's disk.
	Broken func() (int, error)
}

// Metrics is a collector of all counts.
type Metrics struct {
	opt      Options
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

// New makes the collector.
func New(o Options) *Metrics {
	m := &Metrics{opt: o, registry: prometheus.NewRegistry()}
	m.state = hang.Ask(m.ofState)
	m.registry.MustRegister(m)
	return m
}

// Handler shows the counts.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRecordings, descFiles, descBacklog, descSpool, descSpoolLimit, descAside, descDropped, descQueue,
		descMemory, descMemoryMax, descShed, descAway, descBroken, descHangs, descEvents} {
		ch <- d
	}
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	a, hangs := m.state.Get(fresh, patience)
	ch <- gauge(descHangs, number(hangs > 0))
	if hangs == 0 {
		for _, x := range a.Value {
			ch <- x
		}
	}
	dropped, waiting := m.opt.Queues()
	ch <- gauge(descDropped, float64(dropped))
	ch <- gauge(descQueue, float64(waiting))
	b := m.opt.Memory()
	ch <- gauge(descMemory, float64(b.Used))
	ch <- gauge(descMemoryMax, float64(b.Limit))
	ch <- prometheus.MustNewConstMetric(descShed, prometheus.CounterValue, float64(b.Dropped))
	for name, s := range m.opt.Spools() {
		ch <- gauge(descSpool, float64(s.Bytes), name)
		ch <- gauge(descAside, float64(s.Aside), name)
	}
	for name, away := range m.opt.Away() {
		ch <- gauge(descAway, number(away), name)
	}
	ch <- gauge(descSpoolLimit, float64(m.opt.SpoolLimit()))
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// ofState counts what is in the state. What can be read is shown, also when
// something else can't.
func (m *Metrics) ofState() ([]prometheus.Metric, error) {
	var out []prometheus.Metric
	ctx, q := context.Background(), m.opt.DB.Reader() // a context could not break off what hangs
	recordings, err1 := state.RecordingCounts(ctx, q)
	for _, c := range recordings {
		out = append(out, gauge(descRecordings, float64(c.N), string(c.State)))
	}
	files, err2 := state.FileCounts(ctx, q)
	for _, c := range files {
		out = append(out, gauge(descFiles, float64(c.N), c.Store, string(c.State)))
		if c.State == state.FileEnded {
			out = append(out, gauge(descBacklog, float64(c.Bytes), c.Store))
		}
	}
	deliveries, err3 := state.DeliveryCounts(ctx, q)
	for _, c := range deliveries {
		out = append(out, gauge(descEvents, float64(c.N), c.Endpoint, string(c.State)))
	}
	broken, err4 := m.opt.Broken()
	out = append(out, gauge(descBroken, float64(broken)))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		m.opt.Log.Error("metrics can't be read", "error", err)
	}
	return out, nil
}
