package lab

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// ports hands out free ports below the range that the system gives to clients,
// so that no connection takes one before its server listens.
var ports = struct {
	sync.Mutex
	used map[int]bool
}{used: map[int]bool{}}

const firstPort, numPorts = 14000, 16000

func freePort(t T) int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for range 200 {
		p := firstPort + rand.IntN(numPorts)
		if !ports.used[p] && canListen(p) {
			ports.used[p] = true
			return p
		}
	}
	t.Fatalf("no free port")
	return 0
}

// canListen tells whether neither TCP nor UDP uses the port.
func canListen(port int) bool {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	u.Close()
	return true
}
