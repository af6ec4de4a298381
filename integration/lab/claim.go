package lab

import (
	"bytes"
	"context"
	"fmt"
	"net"
)

// claimed stands for a host in what a client writes, until it is replaced on
// the wire: clients refuse to say what attackers do.
const claimed = "claimed-host.invalid"

// claimDialer connects to a port of this machine whatever the address, and
// writes host wherever the client wrote claimed.
func claimDialer(port int, host string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return nil, err
		}
		return &claimConn{c, []byte(host)}, nil
	}
}

type claimConn struct {
	net.Conn
	host []byte
}

// Write implements io.Writer. The clients write the head of a request at once.
func (c *claimConn) Write(p []byte) (int, error) {
	q := bytes.ReplaceAll(p, []byte(claimed), c.host)
	if _, err := c.Conn.Write(q); err != nil {
		return 0, err
	}
	return len(p), nil
}
