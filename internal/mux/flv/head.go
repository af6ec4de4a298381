package flv

import (
	"fmt"
	"strings"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

const (
	headerSize  = 9 + 4 // with PreviousTagSize0
	keySize     = 2 * 9 // of a key frame in the index
	scriptExtra = headerSize + tagOverhead

	// scriptSlack stays free in a script tag full of key frames, so that padding
	// can be divided between it and a further tag.
	scriptSlack = 256
)

// A filler of less than fillMin bytes cannot be a property of its own.
const (
	padMin    = 2 + 3 + 3 // "pad": ""
	spacerMin = 2 + 6 + 5 // "spacer": []
	fillMin   = padMin    // below: spaces behind the creator's name
	creator   = "Live Recording"
)

// Padding beyond one script tag goes into further ones. Their name is one that
// players know and pass over; another one would show up as a data stream.
const (
	extraName = "|RtmpSampleAccess"
	extraTag  = tagOverhead + 3 + len(extraName) + 8 // empty
	extraMin  = extraTag + 2*fillMin                 // worth to begin
)

// front builds the bytes before the body.
type front struct {
	tracks  []hooks.Track
	streams []stream
	sum     *summary
	rest    int64 // size of the file behind the front
	keys    []key
}

// buildFront builds the FLV header and onMetaData for a file that goes on for
// rest bytes behind them. With room > 0 the result has exactly room bytes.
func buildFront(tracks []hooks.Track, streams []stream, sum *summary, rest, room int64) ([]byte, error) {
	f := front{tracks: tracks, streams: streams, sum: sum, rest: rest}
	fixed := scriptExtra + len(f.script(0, 0))
	most := (maxTagData + scriptExtra - fixed - scriptSlack) / keySize
	if room > 0 {
		if room < int64(fixed) {
			return nil, fmt.Errorf("flv: metadata needs %d bytes, there is room for %d", fixed, room)
		}
		most = min(most, (int(room)-fixed)/keySize)
	}
	f.keys = thin(sum.keys, most)
	size := fixed + len(f.keys)*keySize
	total := size
	if room > 0 {
		total = int(room)
	}
	own, extra := splitFill(total-size, maxTagData+scriptExtra-size)
	b := make([]byte, 0, total)
	b = append(b, 'F', 'L', 'V', 1, f.contents(), 0, 0, 0, 9, 0, 0, 0, 0)
	b = appendTag(b, tagScript, 0, f.script(int64(total), own))
	for extra > 0 {
		var n int
		n, extra = splitFill(extra-extraTag, maxTagData+tagOverhead-extraTag)
		b = appendTag(b, tagScript, 0, appendAMF(appendAMF(nil, extraName), ecma(filler(n))))
	}
	return b, nil
}

// splitFill divides n bytes of padding into those of this script tag, at most
// limit, and those of further tags. Only room beyond 16 MiB needs more than one.
func splitFill(n, limit int) (own, further int) {
	if n <= limit {
		return n, 0
	}
	own = min(limit, n-extraMin)
	return own, n - own
}

// contents are the flags of the FLV header (FLV 10.1 §E.2).
func (f *front) contents() byte {
	b := byte(0)
	for i := range f.streams {
		b |= flag(f.streams[i].video, 0) | flag(!f.streams[i].video, 2)
	}
	return b
}

// script is the data of the script tag, with fill bytes of padding, in a front
// of size bytes.
func (f *front) script(size int64, fill int) []byte {
	name := creator
	if fill < fillMin {
		name += strings.Repeat(" ", fill)
		fill = 0
	}
	list := f.general(size)
	for i := range f.streams {
		if f.streams[i].video {
			list = append(list, f.video(i)...)
		} else {
			list = append(list, f.audio(i)...)
		}
	}
	list = append(list, property{"metadatacreator", name})
	if f.contents()&1 != 0 {
		list = append(list, f.keyframes(size))
	}
	list = append(list, filler(fill)...)
	return appendAMF(appendAMF(nil, "onMetaData"), ecma(list))
}

// filler is padding of n bytes; n is 0 or at least fillMin.
func filler(n int) []property {
	var list []property
	if n >= padMin+spacerMin {
		numbers := (n - padMin - spacerMin) / 9
		list = append(list, property{"spacer", zeros(numbers)})
		n -= spacerMin + 9*numbers
	}
	if n >= padMin {
		list = append(list, property{"pad", strings.Repeat(" ", n-padMin)})
	}
	return list
}

func (f *front) general(size int64) []property {
	video, audio := f.contents()&1 != 0, f.contents()&4 != 0
	list := []property{
		{"duration", f.sum.seconds(f.streams)},
		{"filesize", float64(size + f.rest)},
		{"lasttimestamp", float64(f.sum.last) / 1000},
		{"hasMetadata", true},
		{"hasVideo", video},
		{"hasAudio", audio},
		{"hasKeyframes", video && len(f.sum.keys) > 0},
		{"canSeekToEnd", f.sum.endsWith},
	}
	if video {
		list = append(list, property{"lastkeyframetimestamp", float64(f.sum.lastKey) / 1000})
	}
	return list
}

func (f *front) video(i int) []property {
	width, height := pictureSize(&f.tracks[i])
	s, t := &f.streams[i], &f.sum.tracks[i]
	return []property{
		{"width", float64(width)},
		{"height", float64(height)},
		{"framerate", t.frameRate(s.rate)},
		{"videodatarate", t.dataRate(f.sum.span(f.streams))},
		{"videocodecid", s.number()},
	}
}

func (f *front) audio(i int) []property {
	s, t := &f.streams[i], &f.sum.tracks[i]
	rate, channels := soundShape(s)
	list := []property{
		{"audiodatarate", t.dataRate(f.sum.span(f.streams))},
		{"audiosamplesize", 16.0},
		{"audiocodecid", s.number()},
	}
	if rate > 0 {
		list = append(list, property{"audiosamplerate", float64(rate)})
	}
	if channels > 0 {
		list = append(list, property{"stereo", channels == 2})
	}
	return list
}

func (f *front) keyframes(size int64) property {
	times, positions := make([]float64, len(f.keys)), make([]float64, len(f.keys))
	for i, k := range f.keys {
		times[i], positions[i] = float64(k.ms)/1000, float64(size+k.offset)
	}
	return property{"keyframes", object{{"times", times}, {"filepositions", positions}}}
}

// number is the codec's number in onMetaData: of an enhanced one, its FourCC.
func (s *stream) number() float64 {
	switch {
	case s.fourCC != "":
		c := s.fourCC
		return float64(uint32(c[0])<<24 | uint32(c[1])<<16 | uint32(c[2])<<8 | uint32(c[3]))
	case s.flags != 0:
		return float64(s.flags >> 4)
	}
	return float64(s.id)
}

// pictureSize is in pixels, 0 if unknown.
func pictureSize(t *hooks.Track) (width, height int) {
	p := codec.PictureOf(t, nil)
	return p.Width, p.Height
}

// soundShape is the rate and the channels that are heard, 0 if unknown.
func soundShape(s *stream) (rate, channels int) {
	t := s.track
	rate, channels = t.SampleRate, t.Channels
	if t.Codec == hooks.Opus {
		rate = 48000
	}
	if t.Codec != hooks.AAC || rate > 0 && channels > 0 {
		return rate, channels
	}
	c, err := codec.ParseAAC(s.config)
	if err != nil {
		return rate, channels
	}
	if rate == 0 {
		rate = c.Output
	}
	if channels == 0 {
		channels = c.Channels
	}
	return rate, channels
}
