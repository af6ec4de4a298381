//go:build torture

package torture

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"

	"github.com/live-recording/liverecord/integration/lab"
)

// transit is how long a picture may take through ffmpeg and a protocol's own
// queue (SRT's latency is 120 ms) before the server has it.
const transit = time.Second

// pipe publishes over any protocol of ffmpeg, which gets MPEG-TS from us.
type pipe struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	w      *mpegts.Writer
	tracks []*mpegts.Track
	done   chan struct{}
}

// dialPipe starts ffmpeg. It connects when it has seen some media.
func dialPipe(m *lab.Media, address string) (*pipe, error) {
	p := &pipe{done: make(chan struct{})}
	args := []string{"-nostats", "-v", "fatal", "-analyzeduration", "300000", "-f", "mpegts", "-i", "pipe:0", "-map", "0", "-c", "copy"}
	if strings.HasPrefix(address, "rtmp") {
		args = append(args, "-f", "flv", "-flvflags", "no_duration_filesize")
	} else {
		args = append(args, "-f", "mpegts")
	}
	p.cmd = exec.Command("ffmpeg", append(args, "-flush_packets", "1", address)...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait() //nolint:errcheck // the server hung up, or not
		p.in.Close()
		close(p.done)
	}()
	for _, t := range m.Tracks {
		var codec mpegts.Codec = &mpegts.CodecH264{}
		if t.Codec == "aac" {
			codec = &mpegts.CodecMPEG4Audio{Config: *t.AAC}
		}
		p.tracks = append(p.tracks, &mpegts.Track{Codec: codec})
	}
	p.w = &mpegts.Writer{W: p.in, Tracks: p.tracks}
	return p, p.w.Initialize()
}

// Send implements sink.
func (p *pipe) Send(x *lab.Sample) error {
	select {
	case <-p.done:
		return fmt.Errorf("ffmpeg has ended")
	default:
	}
	if _, ok := p.tracks[x.Track].Codec.(*mpegts.CodecH264); ok {
		return p.w.WriteH264(p.tracks[x.Track], x.PTS, x.DTS, x.Data)
	}
	return p.w.WriteMPEG4Audio(p.tracks[x.Track], x.PTS, x.Data)
}

// Close implements sink: ffmpeg sends what it has, and says goodbye.
func (p *pipe) Close() {
	p.in.Close()
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		p.Cut()
	}
}

// Cut implements sink.
func (p *pipe) Cut() {
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	<-p.done
}

// connected corrects the sessions of a publisher that publishes through a pipe:
// what was written before ffmpeg had connected was sent then, and a session that
// never connected owes nothing.
func (p *publisher) connected() {
	var joined []time.Time
	for _, l := range p.s.Log("is publishing to path '" + p.path + "'") {
		joined = append(joined, l.At)
	}
	for _, ses := range p.sessions {
		at := time.Time{}
		for _, j := range joined {
			if len(ses.sent) > 0 && j.After(ses.sent[0].Add(-50*time.Millisecond)) && !j.After(ses.ended) {
				at = j
				break
			}
		}
		if at.IsZero() {
			ses.sent, ses.proper = nil, false
		}
		for i := range ses.sent {
			if ses.sent[i].Before(at) {
				ses.sent[i] = at
			}
		}
	}
}
