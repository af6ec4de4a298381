// Package powercut is a disk whose power fails: a file system on a loop device
// whose file is served by FUSE, in this process, which sees every write and
// every flush.
//
//	d := powercut.New(t, dir, powercut.Options{FS: "ext4", Chance: rand.New(…)})   // mkfs and mount at dir
//	d.Cut()                // from this instant on nothing is done, and nothing is answered
//	s.Kill(t)              // so nobody can act on what never reached the disk
//	d.Restart(t)           // unmount, and mount what the disk holds
//
// What a disk holds after a cut: all writes that were done before the last
// flush, and of later ones what chance says: the write, none of it, or some of
// its sectors (512 bytes). Chance is the only source of that, so a seed repeats
// it as far as the order of writes repeats.
//
// Other faults: a disk that lies (Lie: it answers a flush and loses what was
// written before it), sectors that can't be read (FailReads), and bytes that
// rot (Rot, of a file at rest).
//
// It needs root, /dev/fuse and loop devices, and mkfs of the file system.
package powercut
