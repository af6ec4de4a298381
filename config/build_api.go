package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/live-recording/liverecord/config/strictyaml"
)

// eventNames lists what callbacks may ask for.
var eventNames = []string{"file", "status", "abnormal"}

func (d *document) callbacks(l *strictyaml.List[rawCallback]) []Callback {
	var all []Callback
	for i := range l.Items {
		x := &l.Items[i]
		if x.Bad {
			continue
		}
		c := Callback{URL: x.URL.Value, Keys: d.callbackKeys(x), Domain: strings.ToLower(x.Domain.Value), App: x.App.Value, CAFile: x.CAFile.Value}
		d.callbackURL(x)
		c.Events = d.events(x)
		d.host(&x.Domain, true)
		d.app(&x.App, true)
		for j, o := range all {
			if o.URL == c.URL && o.Domain == c.Domain && o.App == c.App && c.URL != "" {
				d.Warn(x.Spot, fmt.Sprintf("is the endpoint of the callback in line %d too: it may get events twice", l.Items[j].Line), "Remove one of the two, or give them different filters")
			}
		}
		all = append(all, c)
	}
	return all
}

func (d *document) callbackURL(x *rawCallback) {
	if !x.URL.Set {
		d.Missing(&x.Origin, "url", "Write url: and the address that events are sent to")
		return
	}
	if x.URL.Bad {
		return
	}
	u, err := url.Parse(x.URL.Value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !goodPort(u.Port()) {
		// The URL may hold a token: it is not shown.
		d.Fail(x.URL.Spot, "is not an http or https URL", "Write a whole URL, such as https://ops.example.com/recordings")
		return
	}
	if x.CAFile.Value != "" && u.Scheme == "http" {
		d.Fail(x.CAFile.Spot, "is of no use with an http URL", "Remove it, or write an https URL")
	}
}

// callbackKeys returns the signing keys, newest first.
func (d *document) callbackKeys(x *rawCallback) []string {
	if x.Key.Set && x.Keys.Set {
		d.Fail(x.Keys.Spot, "is given in addition to key", "Keep keys, with the new one first")
	}
	if x.Key.Value != "" {
		return []string{x.Key.Value}
	}
	var all []string
	for i := range x.Keys.Items {
		k := &x.Keys.Items[i]
		d.required(&k.Origin, k.Value, "Write a key, or remove it")
		if !k.Bad && slices.Contains(all, k.Value) {
			d.Fail(k.Spot, "is the same as a key before it", "Remove one of the two")
		}
		all = append(all, k.Value)
	}
	return all
}

func (d *document) events(x *rawCallback) []string {
	var all []string
	for i := range x.Events.Items {
		e := &x.Events.Items[i]
		switch {
		case e.Bad:
		case !slices.Contains(eventNames, e.Value):
			d.Fail(e.Spot, e.Shown()+" is not an event", "Write file, status or abnormal")
		case slices.Contains(all, e.Value):
			d.Fail(e.Spot, e.Shown()+" is listed twice", "Remove one of the two")
		}
		all = append(all, e.Value)
	}
	if len(all) == 0 && !x.Events.Bad {
		d.Fail(x.Events.Spot, "is empty: the endpoint would never get anything", "Write [file], or remove the callback")
	}
	return all
}

func (d *document) api(x *rawAPI) API {
	a := API{Address: x.Address.Value, TLSCert: x.TLS.Cert.Value, TLSKey: x.TLS.Key.Value, Insecure: x.Insecure.Value}
	d.address(x)
	switch cert, key := x.TLS.Cert.Value != "", x.TLS.Key.Value != ""; {
	case x.TLS.Cert.Bad || x.TLS.Key.Bad:
	case cert && !key:
		d.Missing(&x.TLS.Origin, "key", "Write the path of the private key (PEM) that belongs to cert")
	case key && !cert:
		d.Missing(&x.TLS.Origin, "cert", "Write the path of the certificate (PEM) that belongs to key")
	}
	a.Credentials = d.credentials(&x.Credentials)
	return a
}

// address refuses to serve the API in the clear to anything but this machine.
func (d *document) address(x *rawAPI) {
	t := &x.Address
	if t.Bad || t.Value == "" {
		return
	}
	host, port, err := net.SplitHostPort(t.Value)
	switch {
	case err != nil || port == "" || !goodPort(port) || strings.ContainsAny(host, "/ @"):
		d.Fail(t.Spot, t.Shown()+" is not an address", `Write host:port, such as 127.0.0.1:9995, or "" for no API and no console`)
	case loopback(host) || x.Insecure.Value || x.Insecure.Bad || x.TLS.Cert.Value != "" || x.TLS.Bad || x.TLS.Cert.Bad:
	default:
		d.Fail(t.Spot, t.Shown()+" can be reached from other machines, and there is no TLS",
			"Write 127.0.0.1:PORT, or set tls with cert and key, or insecure: true if something in front does TLS")
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// goodPort tells whether s is a port number or empty.
func goodPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return s == "" || err == nil
}

func (d *document) credentials(l *strictyaml.List[rawCredential]) []Credential {
	var all []Credential
	seen := map[string]int{}
	for i := range l.Items {
		x := &l.Items[i]
		if x.Bad {
			continue
		}
		if x.SecretID.Value == "" && !x.SecretID.Bad {
			d.Missing(&x.Origin, "secretID", "Write secretID and secretKey")
		}
		if x.SecretKey.Value == "" && !x.SecretKey.Bad {
			d.Missing(&x.Origin, "secretKey", "Write secretID and secretKey")
		}
		if line, ok := seen[x.SecretID.Value]; ok && x.SecretID.Value != "" {
			d.Fail(x.Spot, fmt.Sprintf("has the secretID of the pair in line %d", line), "Remove one of the two")
		}
		seen[x.SecretID.Value] = x.Line
		all = append(all, Credential{SecretID: x.SecretID.Value, SecretKey: x.SecretKey.Value})
	}
	return all
}
