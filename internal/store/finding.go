package store

// Finding is one line of what a store's Diagnose found out.
type Finding struct {
	OK     bool
	What   string // what was tried, e.g. "multipart upload"
	Detail string // what came of it
	Remedy string // what to do if it is not OK
}
