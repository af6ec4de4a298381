package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// RTMP is the address of a path.
func (s *Server) RTMP(path string) string { return fmt.Sprintf("rtmp://127.0.0.1:%d/%s", s.rtmp, path) }

// TcURL are arguments of ffmpeg by which an RTMP publisher names another host
// than the one that it connects to.
func TcURL(host, app string) []string { return []string{"-rtmp_tcurl", "rtmp://" + host + "/" + app} }

// RTMPS is the address of a path, with Options.TLS.
func (s *Server) RTMPS(path string) string {
	return fmt.Sprintf("rtmps://127.0.0.1:%d/%s", s.rtmps, path)
}

// RTSP is the address of a path.
func (s *Server) RTSP(path string) string { return fmt.Sprintf("rtsp://127.0.0.1:%d/%s", s.rtsp, path) }

// RTSPS is the address of a path, with Options.TLS.
func (s *Server) RTSPS(path string) string {
	return fmt.Sprintf("rtsps://127.0.0.1:%d/%s", s.rtsps, path)
}

// SRT is the address that publishes to a path.
func (s *Server) SRT(path string) string { return s.SRTPort() + "&streamid=publish:" + path }

// SRTPort is the address without a streamid, which ffmpeg takes as -srt_streamid.
func (s *Server) SRTPort() string {
	return fmt.Sprintf("srt://127.0.0.1:%d?mode=caller&pkt_size=1316&linger=5", s.srt)
}

// WHIP is the address that publishes to a path.
func (s *Server) WHIP(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/%s/whip", s.webrtc, path)
}

// Record is the address of the recorder's API, with Options.API.
func (s *Server) Record(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/%s", s.record, path)
}

// RTMPPort is the port of RTMP, for URLs that name another host.
func (s *Server) RTMPPort() int { return s.rtmp }

// RTSPPort is the port of RTSP, for URLs that name another host.
func (s *Server) RTSPPort() int { return s.rtsp }

func (s *Server) hostAPI(action string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/v3/%s", s.api, action)
}

// Certificate writes a self-signed certificate of localhost and its key.
func Certificate(t T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("%v", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatalf("%v", err)
	}
	text, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatalf("%v", err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatalf("%v", err)
		}
	}
	return cert, key
}
