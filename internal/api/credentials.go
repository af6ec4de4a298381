package api

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/live-recording/liverecord/config"
)

// CredentialsFile is the name of the file, beside the state, that holds the
// command line's key pair.
const CredentialsFile = "credentials"

// EnsureCredentials returns the pair in dir/credentials, and makes both if need
// be, readable by the owner alone.
func EnsureCredentials(dir string) (config.Credential, error) {
	c, err := ReadCredentials(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = os.Chmod(filepath.Join(dir, CredentialsFile), 0o600)
		}
		return c, err
	}
	c = config.Credential{SecretID: "LR" + randomText(20), SecretKey: randomText(40)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return c, err
	}
	// Another process may do the same: the file comes into being as a whole, and
	// the first one counts.
	f, err := os.CreateTemp(dir, ".credentials-*") // 0600
	if err != nil {
		return c, err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintf(f, "# Key pair of `mediamtx record`, see docs/api.md. Who can read it may call the API.\nsecretID: %s\nsecretKey: %s\n", c.SecretID, c.SecretKey)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return c, err
	}
	if err := os.Link(f.Name(), filepath.Join(dir, CredentialsFile)); errors.Is(err, fs.ErrExist) {
		return ReadCredentials(dir)
	} else if err != nil {
		// A file system without links.
		return c, os.Rename(f.Name(), filepath.Join(dir, CredentialsFile))
	}
	return c, nil
}

// ReadCredentials reads the pair in dir/credentials; fs.ErrNotExist if no server
// has run there yet.
func ReadCredentials(dir string) (config.Credential, error) {
	path := filepath.Join(dir, CredentialsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return config.Credential{}, err
	}
	var c config.Credential
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, v, _ := strings.Cut(lines.Text(), ":")
		switch strings.TrimSpace(name) {
		case "secretID":
			c.SecretID = strings.TrimSpace(v)
		case "secretKey":
			c.SecretKey = strings.TrimSpace(v)
		}
	}
	if c.SecretID == "" || c.SecretKey == "" {
		return c, fmt.Errorf("%s holds no secretID and secretKey; remove it, and the server makes a new one when it starts", path)
	}
	return c, nil
}

// randomText returns n random letters and digits of base 32.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return base32.StdEncoding.EncodeToString(b)[:n]
}
