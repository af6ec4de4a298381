// Package hostile lets publishers loose on the real server that do what no honest
// one does, while a well-behaved one is recorded beside them. In each case the
// memory of the server stays below its budget and a constant, files are not begun
// faster than once a second, and the well-behaved recording loses nothing.
//
//	go test ./integration/hostile                       # a slice of each attack
//	go test ./integration/hostile -args -long -seed=7   # the whole, as in make torture
package hostile
