// Package bench measures the promises of the design against the real server, as
// ratios to a peer in the same run: `make bench`. Nothing here is asserted.
package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
)

const (
	streams = 20
	measure = 20 * time.Second
	rounds  = 3
)

// contender is a way to record, or none.
type contender struct {
	name    string
	options func(t lab.T) lab.Options
}

var contenders = []contender{
	{"off", func(lab.T) lab.Options { return lab.Options{Off: true} }},
	{"mediamtx-fmp4", func(lab.T) lab.Options {
		return lab.Options{Off: true, Paths: "  all_others:\n    record: yes\n    recordFormat: fmp4\n    recordPath: data/host/%path/%s-%f\n"}
	}},
	{"ours-mp4-local", func(lab.T) lab.Options { return lab.Options{Recording: templates("local")} }},
	{"ours-mp4-cos", func(t lab.T) lab.Options {
		return lab.Options{Recording: templates("cos"), COS: lab.StartCOS(t, cosserver.Options{})}
	}},
}

func templates(store string) string {
	return "templates:\n  t: {mp4: {store: " + store + "}}\nrules:\n  - {template: t}\n"
}

// BenchmarkCPUAgainstMediaMTX: 20 RTSP publishers of 2 Mb/s, H.264 and AAC. The
// figures are CPU milliseconds of the server per second and stream, the median
// of interleaved rounds; what recording adds is compared with what MediaMTX's
// own recorder adds.
func BenchmarkCPUAgainstMediaMTX(b *testing.B) {
	source := lab.Kind{Video: "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -sc_threshold 0 -g 50 -b:v 2M -minrate 2M -maxrate 2M -bufsize 2M -nal-hrd cbr",
		Audio: "-c:a aac -b:a 128k -ar 48000 -ac 2", Size: "1280x720", Seconds: 30}.Make(b)
	media := lab.Samples(b, source)
	for b.Loop() {
		cpu, memory := map[string][]float64{}, map[string][]float64{}
		for range rounds {
			for _, c := range contenders {
				ms, mb := load(b, c, media)
				cpu[c.name] = append(cpu[c.name], ms)
				memory[c.name] = append(memory[c.name], mb)
			}
		}
		base := median(cpu["off"])
		host := median(cpu["mediamtx-fmp4"]) - base
		for _, c := range contenders {
			ms := median(cpu[c.name])
			b.ReportMetric(ms, c.name+"-cpu-ms/s/stream")
			b.ReportMetric(median(memory[c.name]), c.name+"-rss-MB")
			if c.name != "off" && host > 0 {
				b.ReportMetric((ms-base)/host, c.name+"-added-cpu-ratio")
			}
		}
	}
}

// load runs one server under the load; it returns CPU ms per second and stream,
// and the resident memory in MB at the end.
func load(b *testing.B, c contender, media *lab.Media) (ms, mb float64) {
	s := lab.Start(b, c.options(b))
	defer s.Stop(b)
	var wg sync.WaitGroup
	for i := range streams {
		wg.Go(func() {
			p := s.DialRTSP(b, media, "", fmt.Sprintf("live/s%d", i))
			defer p.Close()
			if err := p.Play(media.Samples, 1); err != nil {
				b.Error(err)
			}
		})
	}
	time.Sleep(4 * time.Second) // connects, first files, first flushes
	before, start := cpuTime(b, s.PID()), time.Now()
	time.Sleep(measure)
	used, wall := cpuTime(b, s.PID())-before, time.Since(start)
	mb = resident(b, s.PID())
	wg.Wait()
	return float64(used.Milliseconds()) / wall.Seconds() / streams, mb
}

// cpuTime reads user and system time of a process (proc(5), stat fields 14, 15).
func cpuTime(b *testing.B, pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100) // USER_HZ
}

func resident(b *testing.B, pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
}

func median(v []float64) float64 {
	s := append([]float64(nil), v...)
	for i := range s {
		for j := i; j > 0 && s[j] < s[j-1]; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
	return s[len(s)/2]
}

// BenchmarkAvailable measures from the server's line that the publisher has gone
// to the finished file: ten pushes each, the worst in milliseconds. The promise
// is one second.
func BenchmarkAvailable(b *testing.B) {
	source := lab.H264AAC.Make(b)
	media := lab.Samples(b, source)
	for _, store := range []string{"local", "cos"} {
		b.Run(store, func(b *testing.B) {
			o := lab.Options{Recording: templates(store)}
			var cos *cosserver.Server
			if store == "cos" {
				cos = lab.StartCOS(b, cosserver.Options{})
				o.COS = cos
			}
			s := lab.Start(b, o)
			for b.Loop() {
				worst := time.Duration(0)
				for i := range 10 {
					mark := s.Mark()
					p := s.DialRTSP(b, media, "", fmt.Sprintf("live/a%d-%d", b.N, i))
					if err := p.Play(media.Samples, 4); err != nil {
						b.Fatal(err)
					}
					p.Close()
					stored := s.WaitLogAfter(b, mark, "[recorder] stored")
					ended := s.WaitLogAfter(b, mark, "[session", "destroyed")
					worst = max(worst, stored.At.Sub(ended.At))
				}
				b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
			}
		})
	}
}
