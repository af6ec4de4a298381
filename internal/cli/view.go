package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/mask"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store/local"
	"github.com/live-recording/liverecord/internal/view"
)

// recordingView is a recording as it is listed.
type recordingView struct {
	view.Recording
	Bytes    int64    `json:"bytes"` // recorded so far
	Problems []string `json:"problems,omitempty"`
}

// viewer makes views of rows.
type viewer struct {
	s   *settings
	db  *state.DB
	now time.Time
}

func (w *viewer) recordings(ctx context.Context, tail string, args ...any) ([]recordingView, error) {
	rows, err := state.Recordings(ctx, w.db.Reader(), tail, args...)
	if err != nil {
		return nil, err
	}
	out := make([]recordingView, 0, len(rows))
	for _, r := range rows {
		v, err := w.recording(ctx, r)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (w *viewer) recording(ctx context.Context, r *state.RecordingRow) (recordingView, error) {
	v := recordingView{Recording: view.OfRecording(r, w.now)}
	files, err := state.Files(ctx, w.db.Reader(), "WHERE recording=? AND parent=0 ORDER BY started, id", r.ID)
	if err != nil {
		return v, err
	}
	for _, f := range files {
		x, err := w.file(ctx, f)
		if err != nil {
			return v, err
		}
		v.Files = append(v.Files, x)
		v.Bytes += x.Size
		if p := problemOf(&x); p != "" {
			v.Problems = append(v.Problems, p)
		}
	}
	return v, nil
}

func (w *viewer) file(ctx context.Context, f *state.FileRow) (view.File, error) {
	x := view.OfFile(f)
	x.Size = w.size(f)
	pieces, err := state.Files(ctx, w.db.Reader(), "WHERE parent=? ORDER BY seq, id", f.ID)
	if err != nil {
		return x, err
	}
	var media time.Duration
	for _, p := range pieces {
		x.Size += w.size(p)
		media += p.Duration
		if p.Format != state.FormatInit {
			x.Pieces++
		}
		if p.State == state.FileParked || p.State == state.FileLost {
			x.Error = fmt.Sprintf("%s is %s: %s", filepath.Base(p.Object), p.State, p.Error)
		} else if x.Error == "" && p.Error != "" {
			x.Error, x.Attempts, x.Due = p.Error, p.Attempts, p.Due
		}
	}
	if x.Duration == 0 {
		x.Duration = media.Seconds()
	}
	return x, nil
}

// size is what the state says, or, while the file grows, its body in the spool.
func (w *viewer) size(f *state.FileRow) int64 {
	if f.State != state.FileOpen && f.State != state.FileWaiting || f.Spool == "" {
		return f.Size
	}
	// A body in a local store begins with a hole for the head; what is there counts.
	info, err := os.Stat(filepath.Join(w.s.growDir(f.Store), f.Spool+".body"))
	if err != nil {
		return f.Size
	}
	return onDisk(info)
}

// growDir is the folder in which files of a store grow.
func (s *settings) growDir(name string) string {
	if st := s.Stores[name]; st.Type == "local" {
		return local.GrowDir(st.Dir)
	}
	return s.Spool.Dir
}

func problemOf(x *view.File) string {
	switch {
	case x.State == state.FileParked:
		return fmt.Sprintf("%s is parked, its bytes are kept: %s", x.Format, x.Error)
	case x.State == state.FileLost:
		return fmt.Sprintf("%s is lost: %s", x.Format, x.Error)
	case x.Error != "" && x.Attempts > 0:
		return fmt.Sprintf("%s: attempt %d failed: %s", x.Format, x.Attempts, x.Error)
	case x.Error != "":
		return x.Format + ": " + x.Error
	case len(x.LeftOut) > 0 && x.Format != string(config.AAC): // which is to hold nothing else
		return fmt.Sprintf("%s leaves out %s", x.Format, mask.Text(fmt.Sprint(x.LeftOut)))
	}
	return ""
}

// overlay adds what only the running server knows.
func (v *recordingView) overlay(live *view.Recording) {
	v.Outputs, v.Dropped = live.Outputs, live.Dropped
	if live.Dropped > 0 {
		v.Problems = append(v.Problems, fmt.Sprintf("%d units dropped", live.Dropped))
	}
	for _, o := range live.Outputs {
		if o.Problem != "" {
			v.Problems = append(v.Problems, string(o.Format)+": "+o.Problem)
		}
		i := slices.IndexFunc(v.Files, func(f view.File) bool { return f.Store == o.Store && f.Object == o.Object })
		if i < 0 {
			continue
		}
		if f := &v.Files[i]; f.Size < o.Bytes {
			v.Bytes += o.Bytes - f.Size
			f.Size = o.Bytes
		}
		if f := &v.Files[i]; f.Duration < o.Media.Seconds() {
			f.Duration = o.Media.Seconds()
		}
	}
}

// onDisk is how much of a file takes space: holes don't count.
func onDisk(info fs.FileInfo) int64 { return min(info.Size(), allocated(info)) }
