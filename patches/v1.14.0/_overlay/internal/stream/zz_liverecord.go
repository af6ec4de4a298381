package stream

import "sync/atomic"

// LiveRecordReader is what the stream keeps for a reader.
type LiveRecordReader = streamReader

type liveRecordCount = atomic.Uint64

// LiveRecordReader returns what the stream keeps for a reader that was added.
func (s *Stream) LiveRecordReader(r Reader) *LiveRecordReader {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	return s.streamReaders[r]
}

// LiveRecordMark calls f on the reader's goroutine, after all that is queued
// now. It returns false if the queue is full.
func (w *streamReader) LiveRecordMark(f func()) bool {
	return w.buffer.Push(func() error {
		f()
		return nil
	})
}

// LiveRecordDiscarded counts the units that the queue had no room for.
func (w *streamReader) LiveRecordDiscarded() uint64 { return w.liveRecordDiscarded.Load() }
