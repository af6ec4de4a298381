//go:build !race

package notify

const loadRecordings = 100
