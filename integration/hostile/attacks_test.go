package hostile

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// material is what attacks are made of.
type material struct {
	s          *lab.Server
	r          *rand.Rand
	sps, pps   []byte
	other      [2][]byte // SPS and PPS of another size
	key, delta []byte    // slices
	asc, frame []byte
}

// attack is one hostile publisher.
type attack struct {
	name string
	// steady: the stream changes all the time, and no file may begin more than
	// once a second for that.
	steady bool
	run    func(m *material, p *lab.RTMPPush) error
	alone  func(m *material) error // instead of run: makes its own connections
}

// paced calls f for i from 0 to n, in groups of 1000, rate per second.
func paced(p *lab.RTMPPush, n, rate int, f func(i int) error) error {
	began := time.Now()
	for i := range n {
		if err := f(i); err != nil {
			return err
		}
		if group := min(1000, max(rate/10, 1)); i%group == group-1 {
			if err := p.Flush(); err != nil {
				return err
			}
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		}
	}
	return p.Flush()
}

// first is how many ms of ordinary media come before an attack: MediaMTX looks at
// the first two seconds of a publication before it takes it, and refuses one that
// sends too much in them.
const first = 2400

// maxMessage is the largest message that MediaMTX takes by RTMP.
const maxMessage = 10 << 20

// begin sends the parameters and ordinary media, and lets the server take it.
func (m *material) begin(p *lab.RTMPPush) error {
	err := m.ordinary(p)
	time.Sleep(500 * time.Millisecond)
	return err
}

func (m *material) ordinary(p *lab.RTMPPush) error {
	if err := p.Config(m.sps, m.pps, m.asc); err != nil {
		return err
	}
	for at := uint32(0); at < first; at += 40 {
		if err := p.Video(at, 0, at == 0, m.key); err != nil {
			return err
		}
		if err := p.Audio(at, m.frame); err != nil {
			return err
		}
	}
	return p.Flush()
}

func attacks() []attack {
	return []attack{
		{name: "constant-pts", run: constantPTS},
		{name: "no-key-frame", run: noKeyFrame},
		{name: "tiny-units", run: tinyUnits},
		{name: "pts-jump", steady: true, run: func(m *material, p *lab.RTMPPush) error {
			return m.pictures(p, func(i int) (uint32, bool) { return uint32(i) * 1_800_000, true })
		}},
		{name: "pts-alternates", steady: true, run: func(m *material, p *lab.RTMPPush) error {
			return m.pictures(p, func(i int) (uint32, bool) { return uint32(i)*40 + uint32(i%2)*5*3_600_000, true })
		}},
		{name: "pts-nine-seconds", steady: true, run: func(m *material, p *lab.RTMPPush) error {
			return m.pictures(p, func(i int) (uint32, bool) { return uint32(i) * 9_900, true })
		}},
		{name: "alternating-sps", steady: true, run: alternatingSPS},
		{name: "many-paths", alone: manyPaths},
		{name: "huge-units", run: hugeUnits},
		{name: "silent-track", run: silentTrack},
		{name: "reorder-bomb", run: reorderBomb},
		{name: "huge-sei", run: hugeSEI},
		{name: "huge-parameters", run: hugeParameters},
		{name: "metadata", run: metadata},
	}
}

// constantPTS: a picture, then sound whose clock stands still, as fast as it goes.
func constantPTS(m *material, p *lab.RTMPPush) error {
	if err := m.begin(p); err != nil {
		return err
	}
	frame := make([]byte, 1000)
	return paced(p, pick(100_000, 193_000), pick(25_000, 9_000), func(int) error { return p.Audio(first, frame) })
}

// noKeyFrame: twenty minutes without a key frame, in compressed time.
func noKeyFrame(m *material, p *lab.RTMPPush) error {
	if err := p.Config(m.sps, m.pps, nil); err != nil {
		return err
	}
	picture := append(append([]byte(nil), m.delta[:2]...), make([]byte, 8000)...)
	if err := paced(p, 60, 60, func(i int) error { return p.Video(uint32(i)*40, 0, false, picture) }); err != nil {
		return err
	}
	return paced(p, 20*60*25, pick(10_000, 500), func(i int) error { return p.Video(2400+uint32(i)*40, 0, false, picture) })
}

// tinyUnits: 100,000 a second.
func tinyUnits(m *material, p *lab.RTMPPush) error {
	if err := m.begin(p); err != nil {
		return err
	}
	return paced(p, pick(300_000, 6_000_000), 100_000, func(i int) error { return p.Audio(first+uint32(i)/100, m.frame[:1]) })
}

// pictures sends key frames at 25 a second, or as often as the clock of the short
// run has room for, with their times.
func (m *material) pictures(p *lab.RTMPPush, at func(i int) (ms uint32, key bool)) error {
	if err := m.begin(p); err != nil {
		return err
	}
	return paced(p, pick(300, 3000), 100, func(i int) error {
		ms, key := at(i)
		ms += first
		if err := p.Audio(ms, m.frame); err != nil {
			return err
		}
		return p.Video(ms, 0, key, m.key)
	})
}

func alternatingSPS(m *material, p *lab.RTMPPush) error {
	if err := m.begin(p); err != nil {
		return err
	}
	return paced(p, pick(300, 3000), 100, func(i int) error {
		sps, pps := m.sps, m.pps
		if i%2 == 1 {
			sps, pps = m.other[0], m.other[1]
		}
		return p.Video(first+uint32(i)*10, 0, true, sps, pps, m.key)
	})
}

func manyPathsCount() int { return pick(100, 10_000) }

// manyPaths: publications that come and go, each on a path of its own.
func manyPaths(m *material) error {
	var wg sync.WaitGroup
	const workers = 16
	errs := make(chan error, workers)
	n := manyPathsCount()
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				p, err := m.s.TryRTMP(fmt.Sprintf("many/%d", i))
				if err == nil {
					err = m.ordinary(p)
					p.Close()
				}
				if err != nil {
					errs <- fmt.Errorf("path %d: %w", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// hugeUnits: access units as large as MediaMTX takes, 200 MB and more in all.
func hugeUnits(m *material, p *lab.RTMPPush) error {
	if err := m.begin(p); err != nil {
		return err
	}
	huge := append(append([]byte(nil), m.key...), make([]byte, maxMessage-len(m.key)-64)...)
	return paced(p, pick(21, 60), 10, func(i int) error { return p.Video(first+uint32(i)*40, 0, true, huge) })
}

// silentTrack: sound stops for good; then the picture does.
func silentTrack(m *material, p *lab.RTMPPush) error {
	if err := m.begin(p); err != nil {
		return err
	}
	picture := append(append([]byte(nil), m.key...), make([]byte, 20_000)...)
	if err := paced(p, pick(2_000, 20_000), 2_000, func(i int) error { return p.Video(first+uint32(i)/100, 0, true, picture) }); err != nil {
		return err
	}
	return paced(p, pick(20_000, 200_000), 20_000, func(int) error { return p.Audio(first, m.frame) })
}

// reorderBomb: pictures that are shown ever earlier than they are sent.
func reorderBomb(m *material, p *lab.RTMPPush) error {
	if err := m.begin(p); err != nil {
		return err
	}
	picture := append(append([]byte(nil), m.delta...), make([]byte, 20_000)...)
	return paced(p, pick(4_000, 40_000), 2_000, func(i int) error {
		return p.Video(first+uint32(i)/10, int32(8_000_000-i), i%500 == 0, picture)
	})
}

func hugeSEI(m *material, p *lab.RTMPPush) error {
	if err := m.begin(p); err != nil {
		return err
	}
	sei := append([]byte{6, 5}, make([]byte, 4<<20)...)
	return paced(p, pick(50, 1000), 25, func(i int) error { return p.Video(first+uint32(i)*40, 0, true, sei, m.sps, m.pps, m.key) })
}

// hugeParameters: each key frame brings another megabyte of picture parameters.
func hugeParameters(m *material, p *lab.RTMPPush) error {
	if err := m.begin(p); err != nil {
		return err
	}
	return paced(p, pick(75, 1000), 25, func(i int) error {
		pps := append(append([]byte(nil), m.pps...), make([]byte, 1<<20)...)
		pps[len(pps)-1-m.r.IntN(1000)] = byte(i)
		return p.Video(first+uint32(i)*40, 0, true, m.sps, pps, m.key)
	})
}

func metadata(m *material, p *lab.RTMPPush) error {
	if err := p.Metadata(10_000); err != nil {
		return err
	}
	if err := m.begin(p); err != nil {
		return err
	}
	return paced(p, 100, 100, func(i int) error { return p.Audio(first+uint32(i)*20, m.frame) })
}
