// Package torture is the fault lab: it breaks server, store and disk in ways
// that a seed decides, and compares what is stored with what was published.
//
//	go test ./integration/torture                          a short run of all scenarios
//	make torture SEED=7 N=200                              the long one
//
// -seed repeats a run; -n is the number of kills, and 2.5 n store faults are
// made over n/2 recordings, 1.5 n power cuts, n/2 with bit rot, and the whole
// matrix. Without -n all scenarios are short. -write puts the figures of the run
// into docs/torture.md.
//
// Published pictures carry their number: a SEI message in each access unit says
// which stream, which publication and which picture it is, so that what ffmpeg
// reads from the stored files can be counted, one by one. Scenarios that need
// whole hours or many streams feed the recorder through its hooks, in this
// process; those that kill run bin/mediamtx (or -server, another name in bin/).
// The scenarios with a sick disk mount small file systems, and so need root. Those
// of packages faultfs and powercut need /dev/fuse and loop devices, too.
package torture
