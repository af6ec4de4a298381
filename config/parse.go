package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
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

// Parse decodes and validates data, the content of a file called name, and
// fills in defaults. env looks up a variable of the environment, as
// os.LookupEnv does. On any problem the error is Problems and the Config is nil.
func Parse(name string, data []byte, env func(string) (string, bool)) (*Config, error) {
	d := &decoder{file: name, env: env, mended: map[position]int{}}
	var raw rawFile
	raw.defaults()
	var c *Config
	if root := d.document(data); root != nil {
		d.value(root, spot{line: 1, col: 1}, reflect.ValueOf(&raw).Elem())
		c = d.build(&raw)
	}
	if len(d.problems) > 0 {
		sortProblems(d.problems)
		return nil, Problems(d.problems)
	}
	sortProblems(d.warnings)
	c.Warnings = d.warnings
	c.source = sha256.Sum256(data)
	return c, nil
}
