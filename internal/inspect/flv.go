package inspect

import (
	"encoding/binary"
	"fmt"
	"strings"
)

const (
	flvAudio  = 8
	flvVideo  = 9
	flvScript = 18
)

// flvWalk is the walk over one file (FLV 10.1, annex E; Enhanced RTMP v2).
type flvWalk struct {
	p    *Report
	meta *metadata
	// keys are the key frames and the sequence header: place to time stamp.
	keys   map[int64]uint32
	last   map[byte]uint32 // time stamp per kind of tag
	latest uint32
	tags   map[byte]int
	codecs []string
	nal    int // bytes of a NAL unit's length
	begun  map[byte]bool
}

func walkFLV(p *Report, r *reader) error {
	b, err := r.take(13)
	if err != nil {
		return err
	}
	if len(b) < 13 || string(b[:3]) != "FLV" || b[3] != 1 || binary.BigEndian.Uint32(b[5:]) != 9 || binary.BigEndian.Uint32(b[9:]) != 0 {
		p.bad(0, "no FLV file begins here")
		return errStop
	}
	w := &flvWalk{p: p, keys: map[int64]uint32{}, last: map[byte]uint32{}, tags: map[byte]int{}, begun: map[byte]bool{}}
	for {
		end, err := r.ended()
		if err != nil {
			return err
		}
		if end {
			w.close(r.at)
			return nil
		}
		if err := w.tag(r); err != nil {
			return err
		}
	}
}

func (w *flvWalk) tag(r *reader) error {
	at := r.at
	h, err := r.take(11)
	if err != nil {
		return err
	}
	if len(h) < 11 {
		w.p.bad(at, "the file ends within the header of a tag")
		return errStop
	}
	kind, size := h[0], int(h[1])<<16|int(h[2])<<8|int(h[3])
	ms := uint32(h[7])<<24 | uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6])
	if kind != flvAudio && kind != flvVideo && kind != flvScript || h[8]|h[9]|h[10] != 0 {
		w.p.bad(at, "no tag begins here")
		return errStop
	}
	b, err := r.take(size + 4)
	if err != nil {
		return err
	}
	if len(b) < size+4 {
		w.p.bad(at, "the file ends %d bytes before the end of a tag", size+4-len(b))
		return errStop
	}
	if back := binary.BigEndian.Uint32(b[size:]); back != uint32(size+11) {
		w.p.bad(at, "the tag has %d bytes, what follows it says %d", size+11, back)
		return errStop
	}
	if last, ok := w.last[kind]; ok && ms < last {
		w.p.bad(at, "the time stamp goes back from %d to %d ms", last, ms)
	}
	w.last[kind], w.latest = ms, max(w.latest, ms)
	w.tags[kind]++
	if why := w.data(kind, at, ms, b[:size]); why != "" {
		w.p.bad(at, "%s", why)
	}
	return nil
}

// data looks into a tag.
func (w *flvWalk) data(kind byte, at int64, ms uint32, b []byte) string {
	if len(b) == 0 {
		return "an empty tag"
	}
	switch kind {
	case flvScript:
		return w.script(b)
	case flvVideo:
		return w.video(at, ms, b)
	}
	return w.audio(b)
}

// script reads the first script tag, which must be onMetaData.
func (w *flvWalk) script(b []byte) string {
	if w.tags[flvScript] > 1 {
		return ""
	}
	m, err := readMetadata(b)
	if err != nil {
		return "onMetaData: " + err.Error()
	}
	w.meta = m
	return ""
}

// start notes the codec of a kind of tags.
func (w *flvWalk) start(kind byte, codec string) {
	if !w.begun[kind] {
		w.begun[kind] = true
		w.codecs = append(w.codecs, codec)
	}
}

func (w *flvWalk) video(at int64, ms uint32, b []byte) string {
	key := b[0]>>4&7 == 1
	var packet int
	var codec string
	var body []byte
	switch {
	case b[0]&0x80 != 0:
		if len(b) < 5 {
			return "a video tag that is too short"
		}
		packet, codec, body = int(b[0]&15), kindText(string(b[1:5])), b[5:]
		if packet == 1 && (codec == "hvc1" || codec == "avc1") {
			if len(body) < 3 {
				return "a video tag that is too short"
			}
			body = body[3:] // composition time
		} else if packet == 3 {
			packet = 1 // coded frames without composition time
		}
	case b[0]&15 == 7:
		if len(b) < 5 {
			return "a video tag that is too short"
		}
		packet, codec, body = int(b[1]), "avc1", b[5:]
	default:
		return fmt.Sprintf("video of unknown codec %d", b[0]&15)
	}
	if key && packet <= 1 {
		w.keys[at] = ms
	}
	switch packet {
	case 0:
		return w.config(codec, body)
	case 1:
		if !w.begun[flvVideo] {
			return "a picture before the sequence header"
		}
		return w.picture(codec, body)
	case 2:
		return ""
	}
	return fmt.Sprintf("video packet of unknown type %d", packet)
}

// config reads a sequence header.
func (w *flvWalk) config(codec string, b []byte) string {
	w.start(flvVideo, codec)
	switch {
	case codec == "avc1" && len(b) > 6 && b[0] == 1:
		w.nal = int(b[4]&3) + 1
	case codec == "hvc1" && len(b) > 22 && b[0] == 1:
		w.nal = int(b[21]&3) + 1
	case codec == "avc1" || codec == "hvc1" || len(b) == 0:
		return "the sequence header is damaged"
	}
	return ""
}

func (w *flvWalk) picture(codec string, b []byte) string {
	switch {
	case codec == "avc1" || codec == "hvc1":
		return nalUnits(b, w.nal)
	case codec == "av01":
		return obus(b)
	case len(b) == 0:
		return "an empty picture"
	case codec == "vp09" && b[0]>>6 != 2:
		return "no VP9 frame begins here"
	}
	return ""
}

func (w *flvWalk) audio(b []byte) string {
	switch b[0] >> 4 {
	case 10:
		if len(b) < 2 || b[1] > 1 || b[1] == 0 && len(b) < 4 {
			return "an AAC tag that is damaged"
		}
		if b[1] == 1 && !w.begun[flvAudio] {
			return "an AAC frame before the sequence header"
		}
		w.start(flvAudio, "mp4a")
	case 2, 14:
		w.start(flvAudio, "mp3")
		if len(b) < 3 || b[1] != 0xff || b[2]&0xe0 != 0xe0 {
			return "no MPEG audio frame begins here"
		}
	case 9:
		if len(b) < 5 || b[0]&15 > 5 {
			return "an audio tag that is damaged"
		}
		w.start(flvAudio, kindText(string(b[1:5])))
	default:
		return fmt.Sprintf("audio of unknown codec %d", b[0]>>4)
	}
	return ""
}

// close compares onMetaData with the file.
func (w *flvWalk) close(size int64) {
	w.p.Summary = fmt.Sprintf("FLV, %s, %d video and %d audio tags, %.1f s", strings.Join(w.codecs, " + "),
		w.tags[flvVideo], w.tags[flvAudio], float64(w.latest)/1000)
	m := w.meta
	if m == nil {
		w.p.bad(13, "no onMetaData")
		return
	}
	if m.size >= 0 && m.size != float64(size) {
		w.p.bad(13, "onMetaData says that the file has %.0f bytes, it has %d", m.size, size)
	}
	if m.duration >= 0 && m.duration*1000 < float64(w.latest)-1 {
		w.p.bad(13, "onMetaData says that it lasts %.3f s, the last tag is at %.3f s", m.duration, float64(w.latest)/1000)
	}
	if len(m.times) != len(m.places) {
		w.p.bad(13, "the key-frame index has %d times and %d places", len(m.times), len(m.places))
		return
	}
	for i, at := range m.places {
		ms, ok := w.keys[int64(at)]
		if !ok || uint32(m.times[i]*1000+0.5) != ms {
			w.p.bad(int64(at), "the key-frame index names %.3f s here, where no such key frame is", m.times[i])
		}
	}
}
