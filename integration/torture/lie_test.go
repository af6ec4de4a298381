//go:build torture

package torture

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

// TestLyingDisk cuts the power of a disk that answers one flush of four without
// doing it. Nobody can promise what is then left. But the server starts, says what
// is wrong, lets nothing wait for ever, and records: what comes after the last cut
// is whole.
func TestLyingDisk(t *testing.T) {
	scenario(t)
	const perRound = 3
	cuts := pick(2, max(perRound, *n/10))
	var sums gather
	t.Run("rounds", func(t *testing.T) {
		for round := 0; round*perRound < cuts; round++ {
			fs := []string{"ext4", "xfs"}[round%2]
			t.Run(fmt.Sprintf("%d-%s", round, fs), func(t *testing.T) {
				t.Parallel()
				p := newPlant(t, uint64(800+round), fs, powerSpool)
				p.disk.Lie(0.25)
				p.play(min(perRound, cuts-round*perRound))
				p.auditLie()
				sums.add(p.sum)
			})
		}
	})
	s := sums.total
	report(t, "lying disk", fmt.Sprintf("%d cuts in %d rounds, %d file systems had to be repaired; %d files stored by the state, "+
		"%d of them not whole and reported. After each last cut a publication was recorded whole.", s.cuts, s.rounds, s.repaired, s.files, s.lost))
}

// auditLie records once more, and checks that of all others something was said.
func (p *plant) auditLie() {
	t := p.t
	t.Helper()
	p.disk.Lie(0)
	mark := p.s.Mark()
	last := publish(t, p.s, "live/local", 2<<10)
	p.s.WaitLogAfter(t, mark, "[recorder] recording ", "path=live/local")
	time.Sleep(4 * time.Second)
	last.stop()
	p.settle()
	p.doctor()
	p.s.Stop(t)
	b := openBook(t, p.s)
	whole := 0
	for _, f := range b.files {
		if f.State != state.FileStored {
			continue
		}
		p.sum.files++
		place := filepath.Join(p.s.Recordings(), f.Object)
		if f.Store == "cos" {
			place = p.cos.URL() + "/" + f.Object
		}
		err := decode(place)
		if err == nil && strings.Contains(f.Object, "/live/local/") && f.Format == "mp4" {
			whole = max(whole, len(marks(t, place)))
		}
		if err != nil {
			p.sum.lost++
			t.Logf("not whole: %v", err)
		}
	}
	if sent := len(last.sessions[len(last.sessions)-1].sent); whole < sent {
		t.Errorf("%d pictures are in the longest file of live/local, %d were published after the last cut", whole, sent)
	}
	if p.disk.Repaired() {
		p.sum.repaired++
	}
}
