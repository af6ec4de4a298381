// Package local keeps files in a folder of this machine.
//
// # Where things lie
//
//	DIR/KEY                 finished objects; KEY's slashes are folders
//	DIR/.liverecord/        what is not finished (0700): growing files and the
//	                        temporary files of atomic writes
//
// Files are 0600, folders 0700. All access goes through os.Root: no key and no
// symbolic link leads out of DIR. Keys below .liverecord are refused.
//
// # Growing files
//
// A recording grows in .liverecord, in the same file system as its place, so
// that finishing it is a rename however long it is. The head of an MP4 or FLV is
// known only at the end: Create leaves a hole of Room bytes at the start (it
// costs no space), and Finish
//
//   - writes the head into the hole, appends what comes behind the body (a moov
//     that didn't fit), and links the file into place; or
//   - when the body is short (below 16 times the hole), copies it behind a head
//     without a hole, which costs little then and leaves no unused room.
//
// # Nothing is overwritten by Finish
//
// Two files never share a key: if another object has the key, Finish returns
// ErrExist and the caller chooses another (-2). Put, for small objects such as
// playlists, replaces.
//
// # Crash safety
//
// Finish may be called again after a crash at any instant and does what is left.
// Put is atomic. Both return after fsync of file and folders.
//
// # What is removed
//
// Delete removes the one regular file that the key names, then the folders above
// it that became empty, never DIR itself, never anything that is not empty.
// Symbolic links and folders at the place of an object are not touched.
package local
