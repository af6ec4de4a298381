package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// player is the script that MediaMTX's HLS page plays with. The module does not
// hold it.
type player struct {
	Version string `json:"version"` // of hls.js
	SHA256  string `json:"sha256"`  // of dist/hls.min.js in the npm package
}

// fetchTimeout is how long npm may take: without network it hangs.
const fetchTimeout = time.Minute

const playerMember = "package/dist/hls.min.js"

// playerCache is where the script is kept, and where a person may put it.
func (r *release) playerCache() string {
	return filepath.Join(r.root, "build", "cache", "hls-"+r.Player.Version+".min.js")
}

// addPlayer puts the script into the tree: from the cache, else by npm, else by
// MediaMTX's own generator.
func (r *release) addPlayer() error {
	dst := filepath.Join(r.treeDir(), "internal", "servers", "hls", "hls.min.js")
	cache := r.playerCache()
	if _, err := os.Stat(cache); err == nil {
		if err := r.Player.verify(cache); err != nil {
			return fmt.Errorf("%w; delete it", err)
		}
		return copyFile(cache, dst)
	}
	fmt.Printf("fetching hls.js %s\n", r.Player.Version)
	npmErr := r.playerFromNPM(cache)
	if npmErr == nil {
		return copyFile(cache, dst)
	}
	// verified by upstream's HASH, which is of the archive that it comes in
	genErr := goRun(r, filepath.Join(r.treeDir(), "internal", "servers", "hls"), "generate", "./...")
	if genErr == nil {
		if _, genErr = os.Stat(dst); genErr == nil {
			return nil
		}
	}
	if installNPM() {
		if npmErr = r.playerFromNPM(cache); npmErr == nil {
			return copyFile(cache, dst)
		}
	}
	return fmt.Errorf("the HLS player script of MediaMTX could not be fetched.\n"+
		"  by npm: %v\n  by MediaMTX's own generator: %v\n"+
		"Put dist/hls.min.js of the npm package hls.js@%s (sha256 %s) at %s and build again",
		npmErr, genErr, r.Player.Version, r.Player.SHA256, cache)
}

func (p player) verify(file string) error {
	sum, err := fileSum(file)
	if err != nil {
		return err
	}
	if sum != p.SHA256 {
		return fmt.Errorf("%s has sha256 %s, not that of hls.js %s", file, sum, p.Version)
	}
	return nil
}

// playerFromNPM fetches the script with npm and keeps it at dst, if it is the
// expected one.
func (r *release) playerFromNPM(dst string) error {
	script, err := fetchPlayer(r.Player.Version)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(script); hex.EncodeToString(sum[:]) != r.Player.SHA256 {
		return fmt.Errorf("the script has sha256 %x, expected %s", sum, r.Player.SHA256)
	}
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	return os.WriteFile(dst, script, 0o644)
}

// fetchPlayer returns the script of a version of hls.js.
func fetchPlayer(version string) ([]byte, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, errors.New("npm is not installed")
	}
	dir, err := os.MkdirTemp("", "hlsjs")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "hls.js@"+version)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm pack: %w: %s", err, tail(out, 300))
	}
	packs, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packs) != 1 {
		return nil, errors.New("npm pack left no package")
	}
	return member(packs[0], playerMember)
}

// installNPM installs npm on a bare Debian machine, as root, when nothing else
// could fetch the script.
func installNPM() bool {
	if _, err := exec.LookPath("npm"); err == nil || os.Getuid() != 0 {
		return false
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return false
	}
	fmt.Println("installing Debian's npm, to fetch hls.js")
	for _, args := range [][]string{{"update", "-q"}, {"install", "-q", "-y", "--no-install-recommends", "npm"}} {
		cmd := exec.Command(apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if cmd.Run() != nil {
			return false
		}
	}
	return true
}

// member reads one file of a .tgz.
func member(archive, name string) ([]byte, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	t := tar.NewReader(z)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil, fmt.Errorf("%s is not in the package", name)
		}
		if err != nil {
			return nil, err
		}
		if h.Name == name {
			return io.ReadAll(io.LimitReader(t, 16<<20))
		}
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
