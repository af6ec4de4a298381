package lab

import (
	"flag"
	"os"
	"strconv"
)

// Main is for TestMain of packages whose tests mostly wait for publishers that
// send in real time: so many of them run at once, if -parallel does not say
// otherwise.
func Main(m interface{ Run() int }, parallel int) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", strconv.Itoa(parallel)); err != nil {
			panic(err) // not a test
		}
	}
	os.Exit(m.Run())
}
