package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/state"
)

const (
	serverFile = "mediamtx.yml"
	serverEnv  = "MTX_LIVERECORD"
)

// findConfig finds recording.yml: --config, else what the server would use that
// is started in this folder.
func (c *command) findConfig() (string, error) {
	if c.configFile != "" {
		return c.configFile, nil
	}
	path, ok := c.env(serverEnv)
	from := serverEnv
	if !ok {
		from = "liveRecord in " + serverFile
		var err error
		if path, err = liveRecord(serverFile); err != nil {
			return "", err
		}
	}
	if path == "" {
		return "", fmt.Errorf("%s is empty: live recording is off. Name a file with --config recording.yml", from)
	}
	if rel := filepath.Clean(path); filepath.IsLocal(rel) && rel != "." {
		return rel, nil
	}
	return "", fmt.Errorf("%s: %s must be a path inside the folder of %s, such as config/recording.yml", from, path, serverFile)
}

// liveRecord reads the one key of mediamtx.yml that is ours.
func liveRecord(file string) (string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("there is no %s in this folder: run the command where the server is started, or name the file with --config recording.yml", file)
	}
	if err != nil {
		return "", err
	}
	var host struct {
		LiveRecord string `yaml:"liveRecord"`
	}
	if err := yaml.Unmarshal(data, &host); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return host.LiveRecord, nil
}

// settings is the configuration as a command sees it.
type settings struct {
	*config.Config
	file string
	// unset are variables that the file takes from the environment and that this
	// environment lacks. The server's may well have them.
	unset []string
}

// load reads the configuration. Most commands need no secret, and an operator's
// shell seldom has those of the server: values from unset variables are stood in
// for by their names then.
func (c *command) load() (*settings, error) {
	file, err := c.findConfig()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the configuration: %w", err)
	}
	s := &settings{file: file}
	strict, err := config.Parse(file, data, c.env)
	if err == nil {
		s.Config = strict
		return s, nil
	}
	var loose error
	s.Config, loose = config.Parse(file, data, func(name string) (string, bool) {
		if v, ok := c.env(name); ok {
			return v, true
		}
		if !slices.Contains(s.unset, name) {
			s.unset = append(s.unset, name)
		}
		return "unset-" + strings.ToLower(name), true
	})
	if loose != nil {
		return nil, err
	}
	return s, nil
}

// incomplete tells that the secrets of the stores are not known here.
func (s *settings) incomplete() error {
	if len(s.unset) == 0 {
		return nil
	}
	return fmt.Errorf("the environment lacks %s, which %s takes from it: set it as for the server", strings.Join(s.unset, ", "), s.file)
}

// openState opens the state for reading.
func (s *settings) openState() (*state.DB, error) {
	db, err := state.OpenReadOnly(s.State)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("there is no %s yet: no server has run in this folder with %s (paths in it are relative to the folder in which the server is started)", s.State, s.file)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%s can't be read: run the command as the user that runs the server", s.State)
	}
	return db, err
}
