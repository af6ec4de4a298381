package isobmff

import (
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

// The errors of the records are those of Describe, which has seen the same track.

func writeH264(w *Writer, e *Entry, x Extra) {
	kind := "avc1"
	if x.InBand {
		kind = "avc3"
	}
	record, _ := codec.AVCC(e.track)
	e.startVisual(w, kind, "")
	config(w, "avcC", record)
	e.endVisual(w, &x)
}

func writeH265(w *Writer, e *Entry, x Extra) {
	kind := "hvc1"
	if x.InBand {
		kind = "hev1"
	}
	record, _ := codec.HVCC(e.track, !x.InBand)
	e.startVisual(w, kind, "")
	config(w, "hvcC", record)
	e.endVisual(w, &x)
}

func writeAV1(w *Writer, e *Entry, x Extra) {
	record, _ := codec.AV1C(e.track)
	e.startVisual(w, "av01", "AOM Coding")
	config(w, "av1C", record)
	e.endVisual(w, &x)
}

func writeVPX(w *Writer, e *Entry, x Extra) {
	kind := "vp08"
	if e.track.Codec == hooks.VP9 {
		kind = "vp09"
	}
	e.startVisual(w, kind, "")
	config(w, "vpcC", codec.VPCC(e.track, &x.Facts))
	e.endVisual(w, &x)
}

func config(w *Writer, kind string, record []byte) {
	w.Start(kind)
	w.U8(record...)
	w.End()
}
