package stream

// LiveRecordMark calls f on the reader's goroutine, after all that is queued
// now. It returns false if the queue is full.
func (r *Reader) LiveRecordMark(f func()) bool {
	return r.buffer.Push(func() error {
		f()
		return nil
	})
}
