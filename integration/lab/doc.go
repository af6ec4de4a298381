// Package lab is the laboratory of the black-box tests: the real server, real
// publishers, sources that are the same at each run, and readers that are not
// ours.
//
//	s := lab.Start(t, lab.Options{})               // bin/mediamtx in a folder of its own
//	src := lab.H264AAC.Make(t)                     // a coded file
//	s.Publish(t, src, s.RTMP("live/a")).Wait(t)    // ffmpeg -re -c copy
//	f := s.WaitFiles(t, 1)[0]                      // what lies in the local store
//	lab.Silent(t, f)                               // ffprobe and ffmpeg have nothing to say
//	lab.SameMedia(t, src, f, lab.Whole)            // frame by frame
//
// All checks go through ffprobe and ffmpeg. A failure ends the test; the
// server's log of a failed test is printed at its end.
package lab

// T is what the laboratory needs of a *testing.T. Programs that are no tests
// bring their own.
type T interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Failed() bool
	Cleanup(f func())
	TempDir() string
}
