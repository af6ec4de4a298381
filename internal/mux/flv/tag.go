package flv

import "encoding/binary"

// Types of tags (FLV 10.1 §E.4.1).
const (
	tagAudio  = 8
	tagVideo  = 9
	tagScript = 18
)

const (
	tagHeadSize = 11
	tagOverhead = tagHeadSize + 4 // with PreviousTagSize
	maxTagData  = 1<<24 - 1
)

// appendTagHead appends the header of a tag whose data has size bytes.
func appendTagHead(b []byte, kind byte, size int, ms uint32) []byte {
	return append(b, kind, byte(size>>16), byte(size>>8), byte(size),
		byte(ms>>16), byte(ms>>8), byte(ms), byte(ms>>24), 0, 0, 0)
}

// appendTagEnd appends PreviousTagSize of a tag whose data has size bytes.
func appendTagEnd(b []byte, size int) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(size+tagHeadSize))
}

func appendTag(b []byte, kind byte, ms uint32, data []byte) []byte {
	b = appendTagHead(b, kind, len(data), ms)
	return appendTagEnd(append(b, data...), len(data))
}

// appendStarts appends the sequence headers, video first.
func appendStarts(b []byte, streams []stream) []byte {
	for _, s := range videoFirst(streams) {
		if s.config != nil {
			b = appendTag(b, s.kind(), 0, append(s.startHead(nil), s.config...))
		}
	}
	return b
}

// appendEnds appends the end-of-sequence tags; audio first, so that the video
// that players wait for ends the file.
func appendEnds(b []byte, streams []stream, ms uint32) []byte {
	order := videoFirst(streams)
	for i := len(order) - 1; i >= 0; i-- {
		if end := order[i].end(); end != nil {
			b = appendTag(b, order[i].kind(), ms, end)
		}
	}
	return b
}

func videoFirst(streams []stream) []*stream {
	var order []*stream
	for _, video := range []bool{true, false} {
		for i := range streams {
			if streams[i].video == video {
				order = append(order, &streams[i])
			}
		}
	}
	return order
}

func (s *stream) kind() byte {
	if s.video {
		return tagVideo
	}
	return tagAudio
}

func append24(b []byte, v int64) []byte {
	return append(b, byte(v>>16), byte(v>>8), byte(v))
}
