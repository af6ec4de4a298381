package cli

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/api"
	"github.com/live-recording/liverecord/internal/state"
)

// errDown tells that no server answers.
var errDown = errors.New("no server answers")

// server is the running one, by its API.
type server struct {
	client  api.Client
	address string
	s       *settings
}

// connect finds the server that runs with the configuration. Nothing is sent.
func connect(s *settings) (*server, error) {
	if s.API.Address == "" {
		return nil, fmt.Errorf("%w: api.address in %s is empty; the command line needs it", errDown, s.file)
	}
	dir := filepath.Dir(s.State)
	pair, err := api.ReadCredentials(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: there is no %s, which the server makes when it starts; it is not running, or was started in another folder",
			errDown, filepath.Join(dir, api.CredentialsFile))
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s can't be read: run the command as the user that runs the server", filepath.Join(dir, api.CredentialsFile))
	case err != nil:
		return nil, err
	}
	x := &server{address: reachable(s.API.Address), s: s}
	x.client = api.Client{BaseURL: "http://" + x.address, SecretID: pair.SecretID, SecretKey: pair.SecretKey}
	if s.API.TLSCert != "" {
		x.client.BaseURL = "https://" + x.address
		if x.client.HTTP, err = pinned(s.API); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// reachable is the address under which this machine reaches the listener.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && ip == netip.IPv4Unspecified():
		host = "127.0.0.1"
	case err == nil && ip == netip.IPv6Unspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// pinned is a client that takes the server's own certificate and no other,
// whatever names it bears: we may reach the server as 127.0.0.1.
func pinned(a config.API) (*http.Client, error) {
	data, err := os.ReadFile(a.TLSCert)
	if err != nil {
		return nil, fmt.Errorf("api.tls.cert: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("api.tls.cert: %s holds no certificate", a.TLSCert)
	}
	own, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("api.tls.cert: %w", err)
	}
	check := func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 || !cs.PeerCertificates[0].Equal(own) {
			return fmt.Errorf("who answers has another certificate than %s", a.TLSCert)
		}
		return nil
	}
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		// VerifyConnection takes the place of the names and roots.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, VerifyConnection: check, MinVersion: tls.VersionTLS12}, //nolint:gosec // see above
	}}, nil
}

// operate runs an action of the command line and reads its result into out.
func (c *command) operate(x *server, action string, params, out any) error {
	return x.explain(x.client.Operate(c.ctx, action, params, out))
}

// call is operate for actions that answer as those of the API do.
func (c *command) call(x *server, action string, params, out any) error {
	return x.explain(x.client.Call(c.ctx, action, params, out))
}

// explain says what an error means for an operator.
func (x *server) explain(err error) error {
	var refused *api.Error
	var dial *net.OpError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return fmt.Errorf("the server refuses: %w", err)
	case errors.As(err, &dial) && dial.Op == "dial":
		return x.down(dial)
	}
	return fmt.Errorf("the server at %s: %w", x.address, err)
}

// down says why probably nobody answers.
func (x *server) down(err error) error {
	holder, lockErr := state.LockHolder(x.s.State)
	switch {
	case lockErr == nil && holder == "":
		return fmt.Errorf("%w: it is not running (nobody uses %s)", errDown, x.s.State)
	case lockErr == nil:
		return fmt.Errorf("%w at %s, although %s is in use by %s; perhaps api.address was changed since it was started (%w)",
			errDown, x.address, x.s.State, holder, err)
	}
	return fmt.Errorf("%w at %s (%w)", errDown, x.address, err)
}
