package recorder

// book takes over into the account what the recording holds beside its queue.
func (rec *recording) book() {
	var held int64
	if rec.shared.Timeline != nil {
		held = rec.shared.Timeline.Held()
	}
	for _, o := range rec.outputs {
		held += o.Held()
	}
	rec.q.account.Add(held - rec.booked)
	rec.booked = held
}

// relieve lets go what is held back if memory is short.
func (rec *recording) relieve() {
	if rec.q.relieve() && rec.shared.Timeline != nil {
		rec.shared.Timeline.Relieve()
	}
}
