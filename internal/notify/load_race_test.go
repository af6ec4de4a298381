//go:build race

package notify

const loadRecordings = 15 // SQLite in Go is slow under the race detector
