package cos

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/live-recording/liverecord/config"
)

// errNoCredentials is why a request was not even sent.
var errNoCredentials = errors.New("no credentials")

// pair is what signs a request; token is empty for permanent keys.
type pair struct{ id, key, token string }

// credentials is the pair in force. It follows the secretKeyFile.
type credentials struct {
	file string
	base pair // of the configuration

	mu      sync.Mutex
	now     pair
	checked time.Time
	stamp   string // of the file when last read
	problem error  // why the file could not be used, nil if it could
}

func newCredentials(cfg config.Store) *credentials {
	base := pair{cfg.SecretID, cfg.SecretKey, cfg.SessionToken}
	return &credentials{file: cfg.SecretKeyFile, base: base, now: base}
}

func (c *credentials) set(p pair) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = pair{strings.TrimSpace(p.id), strings.TrimSpace(p.key), strings.TrimSpace(p.token)}
	c.base = c.now
}

// current returns the pair to sign with.
func (c *credentials) current() (pair, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.follow()
	if c.now.id != "" && c.now.key != "" {
		return c.now, nil
	}
	if c.problem != nil {
		return pair{}, fmt.Errorf("%w: %w", errNoCredentials, c.problem)
	}
	return pair{}, errNoCredentials
}

// follow reads the file again if it changed; at most one look a second.
func (c *credentials) follow() {
	if c.file == "" || time.Since(c.checked) < time.Second {
		return
	}
	c.checked = time.Now()
	info, err := os.Stat(c.file)
	if err != nil {
		c.problem = err
		return
	}
	stamp := fmt.Sprint(info.ModTime().UnixNano(), info.Size())
	if stamp == c.stamp {
		return
	}
	text, err := os.ReadFile(c.file)
	if err != nil {
		c.problem = err
		return
	}
	p, err := parsePair(string(text))
	if err != nil {
		c.problem = fmt.Errorf("%s: %w", c.file, err)
		return
	}
	c.stamp, c.problem = stamp, nil
	c.now = pair{cmp.Or(p.id, c.base.id), p.key, p.token}
	if p.token == "" && p.id == "" {
		c.now.token = c.base.token
	}
}

// parsePair reads the forms that the package comment lists.
func parsePair(text string) (pair, error) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if strings.HasPrefix(text, "{") {
		var v struct{ SecretID, SecretKey, SessionToken string }
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return pair{}, errors.New("not valid JSON") // the error would quote a secret
		}
		return checked(pair{v.SecretID, v.SecretKey, v.SessionToken})
	}
	var p pair
	var bare []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch {
		case found && isName(name, "secretid"):
			p.id = value
		case found && isName(name, "secretkey"):
			p.key = value
		case found && isName(name, "sessiontoken"):
			p.token = value
		default:
			bare = append(bare, line)
		}
	}
	return checked(withBare(p, bare))
}

// withBare adds lines without a name: key; id, key; or id, key, token.
func withBare(p pair, bare []string) pair {
	switch {
	case p != (pair{}):
	case len(bare) == 1:
		p.key = bare[0]
	case len(bare) == 2:
		p.id, p.key = bare[0], bare[1]
	case len(bare) == 3:
		p.id, p.key, p.token = bare[0], bare[1], bare[2]
	}
	return p
}

func isName(name, want string) bool {
	name = strings.TrimPrefix(strings.TrimSpace(name), "export ")
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	return strings.TrimPrefix(name, "tencentcloud") == want
}

func checked(p pair) (pair, error) {
	p = pair{strings.TrimSpace(p.id), strings.TrimSpace(p.key), strings.TrimSpace(p.token)}
	if p.key == "" {
		return pair{}, errors.New("no secret key in it; want JSON, KEY=VALUE lines, or two lines with id and key")
	}
	return p, nil
}
