// Package recording tests the recorder as an operator meets it: bin/mediamtx,
// publishers of all protocols, and the files that lie in the stores afterwards.
package recording
