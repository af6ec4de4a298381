// A receiver of recording events, to copy from. It checks both signatures, takes
// each event once, and writes it to a file before it answers:
//
//	CALLBACK_KEY=secret go run . -listen 127.0.0.1:8099 -log events.jsonl
//
// CALLBACK_KEY may hold several keys with commas between them, while rotating.
package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const clockSkew = 5 * time.Minute // how far the sender's clock may be off

func main() {
	listen := flag.String("listen", "127.0.0.1:8099", "address to listen on")
	file := flag.String("log", "events.jsonl", "file that events are appended to")
	flag.Parse()
	r, err := openReceiver(*file, strings.Split(os.Getenv("CALLBACK_KEY"), ","))
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", l.Addr())
	srv := &http.Server{Handler: r, ReadTimeout: 15 * time.Second}
	log.Fatal(srv.Serve(l))
}

// record is a line of the file.
type record struct {
	ID       string          `json:"id"`
	Sequence int64           `json:"sequence"` // order within a recording
	Body     json.RawMessage `json:"body"`
}

type receiver struct {
	keys []string
	mu   sync.Mutex
	file *os.File
	seen map[string]bool // ids of the events in the file
}

// openReceiver reads which events the file has already.
func openReceiver(path string, keys []string) (*receiver, error) {
	if keys[0] == "" {
		return nil, errors.New("CALLBACK_KEY is not set")
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	r := &receiver{keys: keys, file: f, seen: map[string]bool{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 2<<20)
	for lines.Scan() {
		var rec record
		if json.Unmarshal(lines.Bytes(), &rec) == nil { // a torn line was not answered: it comes again
			r.seen[rec.ID] = true
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	_, err = f.WriteString("\n") // ends a torn line
	return r, err
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	if err := r.verify(req.Header.Get("X-Signature"), body, time.Now()); err != nil {
		log.Print(err)
		http.Error(w, "bad signature", http.StatusUnauthorized)
		return
	}
	sequence, _ := strconv.ParseInt(req.Header.Get("X-Event-Sequence"), 10, 64)
	if err := r.take(record{req.Header.Get("X-Event-Id"), sequence, body}); err != nil {
		log.Print(err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"code":0}`)
}

// take keeps an event that is new. Only what is safe on disk may be answered.
func (r *receiver) take(rec record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[rec.ID] {
		return nil
	}
	line, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	if _, err := r.file.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := r.file.Sync(); err != nil {
		return err
	}
	r.seen[rec.ID] = true
	return nil
}

// verify checks X-Signature, and the original's sign in the body. The first is
// the one to rely on: it covers the whole body.
func (r *receiver) verify(header string, body []byte, now time.Time) error {
	var stamp string
	var signatures []string
	for _, part := range strings.Split(header, ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "t":
			stamp = value
		case "v1":
			signatures = append(signatures, value)
		}
	}
	unix, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(unix, 0)).Abs() > clockSkew {
		return errors.New("X-Signature is missing, or its time is not ours")
	}
	if !r.anyKey(func(key string) bool {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(stamp + "."))
		mac.Write(body)
		want := hex.EncodeToString(mac.Sum(nil))
		ok := false
		for _, s := range signatures {
			ok = ok || hmac.Equal([]byte(want), []byte(s))
		}
		return ok
	}) {
		return errors.New("X-Signature is wrong")
	}
	var old struct {
		T    int64  `json:"t"`
		Sign string `json:"sign"`
	}
	if err := json.Unmarshal(body, &old); err != nil {
		return err
	}
	if now.Unix() > old.T || !r.anyKey(func(key string) bool {
		want := fmt.Sprintf("%x", md5.Sum([]byte(key+strconv.FormatInt(old.T, 10))))
		return subtle.ConstantTimeCompare([]byte(want), []byte(old.Sign)) == 1
	}) {
		return errors.New("sign is wrong or too old")
	}
	return nil
}

func (r *receiver) anyKey(matches func(key string) bool) bool {
	for _, k := range r.keys {
		if k != "" && matches(k) {
			return true
		}
	}
	return false
}
