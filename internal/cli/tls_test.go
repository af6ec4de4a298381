package cli

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// Over TLS the server's own certificate counts, whatever names it bears, and no
// other one.
func TestTLS(t *testing.T) {
	asked := 0
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte(`{"Response":{"Result":["T1"],"RequestId":"r"}}`))
	}))
	defer srv.Close()
	other, key := lab.Certificate(t)
	d := newDesk(t, strings.Replace(small, `"127.0.0.1:1"`, `"`+srv.Listener.Addr().String()+`", tls: {cert: own.pem, key: `+key+`}`, 1))
	d.write("data/credentials", "secretID: a\nsecretKey: b\n")
	d.write("own.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	if status, out, errs := d.run("stop", "T1"); status != good || out != "stopped task T1\n" {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	asked = 0
	d.write("conf/recording.yml", strings.Replace(small, `"127.0.0.1:1"`, `"`+srv.Listener.Addr().String()+`", tls: {cert: `+other+`, key: `+key+`}`, 1))
	if status, _, errs := d.run("stop", "T1"); status != bad || !strings.Contains(errs, "another certificate") || asked != 0 {
		t.Errorf("status %d, asked %d: %s", status, asked, errs)
	}
}
