// Command cos-server is a COS bucket on this machine, for trying the cos store
// without an account:
//
//	make cos-server
//
// It prints what to write into recording.yml. Objects are kept below -dir and
// can be read by everybody who reaches the address. With -faults it fails in
// the ways that networks and COS have.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal("cos-server: ", err)
	}
}

func run() error {
	o := cosserver.Options{PublicRead: true}
	address := flag.String("address", cosserver.DefaultAddress, "where to listen")
	flag.StringVar(&o.Bucket, "bucket", cosserver.DefaultBucket, "name of the bucket")
	flag.StringVar(&o.Path, "path", "", "path in front of every key, e.g. /bucket")
	flag.StringVar(&o.Dir, "dir", "data/cos-server", `where to keep objects; "" = in memory`)
	flag.StringVar(&o.SecretID, "secret-id", cosserver.DefaultSecretID, "id of the key pair")
	flag.StringVar(&o.SecretKey, "secret-key", cosserver.DefaultSecretKey, "secret of the key pair")
	flag.StringVar(&o.Token, "token", "", "session token that requests must carry")
	flag.BoolVar(&o.PublicRead, "public-read", true, "anyone may read objects without a signature")
	flag.DurationVar(&o.Latency, "latency", 0, "waited before each request")
	flag.Int64Var(&o.Bandwidth, "bandwidth", 0, "bytes per second that all uploads share, 0 = no limit")
	flag.DurationVar(&o.ClockSkew, "clock-skew", 0, "how far the server's clock is ahead")
	flag.Uint64Var(&o.Seed, "seed", 1, "of the faults that come by chance")
	faults := flag.String("faults", "", "OP:KIND[:NAME=VALUE…],… e.g. part:slow-down:p=0.05,complete:late-ok:delay=3s\n"+
		"kinds: "+strings.Join(cosserver.Kinds, " "))
	quiet := flag.Bool("quiet", false, "don't print requests")
	flag.Parse()
	if !*quiet {
		o.OnRequest = show
	}
	list, err := cosserver.ParseFaults(*faults)
	if err != nil {
		return err
	}
	s, err := cosserver.New(o)
	if err != nil {
		return err
	}
	s.Inject(list...)
	if err := s.Start(*address); err != nil {
		return fmt.Errorf("%w; choose another address with -address", err)
	}
	explain(s, o)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	return s.Close()
}

// explain prints what a newcomer needs to copy.
func explain(s *cosserver.Server, o cosserver.Options) {
	token := ""
	if o.Token != "" {
		token = "\n    sessionToken: " + o.Token
	}
	fmt.Printf(`A COS bucket for trials listens at %[1]s, %[2]d objects so far.
Put this into config/recording.yml (stores) and push a stream; the recording appears here.

stores:
  cos:
    type: cos
    bucket: %[3]s
    region: %[4]s
    endpoint: %[1]s
    secretID: %[5]s
    secretKey: %[6]s%[7]s
defaultStore: cos

The list of objects: curl %[1]s/
Stop with Ctrl-C.
`, s.URL(), len(s.Objects()), o.Bucket, cosserver.DefaultRegion, o.SecretID, o.SecretKey, token)
}

func show(r cosserver.Request) {
	line := fmt.Sprintf("%s %-12s %d %9d bytes %8s  %q", r.Start.Format(time.TimeOnly), r.Op, r.Status, r.Size,
		r.Took.Round(time.Millisecond), r.Key)
	if r.Part > 0 {
		line += fmt.Sprintf(" part %d", r.Part)
	}
	if r.Code != "" {
		line += " " + r.Code
	}
	if r.Fault != "" {
		line += " (fault: " + r.Fault + ")"
	}
	fmt.Println(line)
}
