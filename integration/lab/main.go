package lab

import (
	"flag"
	"os"
)

// Main is for TestMain of packages whose tests mostly wait for publishers that
// send in real time: more of them run at once than there are processors.
func Main(m interface{ Run() int }) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", "16"); err != nil {
			panic(err) // not a test
		}
	}
	os.Exit(m.Run())
}
