package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/live-recording/liverecord/config/strictyaml"
)

// maxFile bounds the file, in bytes; 10,000 rules need about a megabyte.
const maxFile = 16 << 20

// Load reads and parses the file at path with the environment of the process.
// On any problem the error is Problems and the Config is nil.
func Load(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, os.LookupEnv)
}

// readFile returns the content of the file, or Problems.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if len(data) > maxFile {
		return nil, Problems{{File: path, Message: "is larger than 16 MB",
			Remedy: "check that this is the right file"}}
	}
	return data, nil
}

func unreadable(path string, err error) Problems {
	remedy := "check the path and the permissions"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		remedy = "check the path; config/recording.yml of the distribution is a file to start from"
	case errors.Is(err, fs.ErrPermission):
		remedy = "make it readable for the user that runs the server"
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return Problems{{File: path, Message: fmt.Sprintf("cannot be read: %v", err), Remedy: remedy}}
}

// Problem is one thing wrong in the file, or worth a warning.
type Problem = strictyaml.Problem

// Problems is all that is wrong in a file, sorted by line. It is the error of
// Load and Parse.
type Problems = strictyaml.Problems

// document is recording.yml as it was decoded; the methods that check it are in
// the files build*.go.
type document struct{ *strictyaml.Document }

// Parse decodes and validates data, the content of a file called name, and
// fills in defaults. env looks up a variable of the environment, as
// os.LookupEnv does. On any problem the error is Problems and the Config is nil.
func Parse(name string, data []byte, env func(string) (string, bool)) (*Config, error) {
	var raw rawFile
	decoded, ok := strictyaml.Decode(data, &raw, strictyaml.Options{File: name, Env: env,
		EmptyRemedy: "Start from the config/recording.yml of the distribution, or write {} for the defaults"})
	d := &document{decoded}
	var c *Config
	if ok {
		c = d.build(&raw)
	}
	if ps := d.Problems(); len(ps) > 0 {
		return nil, ps
	}
	c.Warnings = d.Warnings()
	c.source = sha256.Sum256(data)
	return c, nil
}
