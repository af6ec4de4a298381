package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// eventNames lists what callbacks may ask for.
var eventNames = []string{"file", "status", "abnormal"}

func (d *decoder) callbacks(l *list[rawCallback]) []Callback {
	var all []Callback
	for i := range l.items {
		x := &l.items[i]
		if x.bad {
			continue
		}
		c := Callback{URL: x.URL.v, Keys: d.callbackKeys(x), Domain: strings.ToLower(x.Domain.v), App: x.App.v, CAFile: x.CAFile.v}
		d.callbackURL(x)
		c.Events = d.events(x)
		d.host(&x.Domain, false)
		d.app(&x.App, false)
		for j, o := range all {
			if o.URL == c.URL && o.Domain == c.Domain && o.App == c.App && c.URL != "" {
				d.warn(x.spot, fmt.Sprintf("is the endpoint of the callback in line %d too: it may get events twice", l.items[j].line), "Remove one of the two, or give them different filters")
			}
		}
		all = append(all, c)
	}
	return all
}

func (d *decoder) callbackURL(x *rawCallback) {
	if !x.URL.set {
		d.missing(&x.origin, "url", "Write url: and the address that events are sent to")
		return
	}
	if x.URL.bad {
		return
	}
	u, err := url.Parse(x.URL.v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !goodPort(u.Port()) {
		// The URL may hold a token: it is not shown.
		d.fail(x.URL.spot, "is not an http or https URL", "Write a whole URL, such as https://ops.example.com/recordings")
		return
	}
	if x.CAFile.v != "" && u.Scheme == "http" {
		d.fail(x.CAFile.spot, "is of no use with an http URL", "Remove it, or write an https URL")
	}
}

// callbackKeys returns the signing keys, newest first.
func (d *decoder) callbackKeys(x *rawCallback) []string {
	if x.Key.set && x.Keys.set {
		d.fail(x.Keys.spot, "is given in addition to key", "Keep keys, with the new one first")
	}
	if x.Key.v != "" {
		return []string{x.Key.v}
	}
	var all []string
	for i := range x.Keys.items {
		k := &x.Keys.items[i]
		d.required(&k.origin, k.v, "Write a key, or remove it")
		if !k.bad && slices.Contains(all, k.v) {
			d.fail(k.spot, "is the same as a key before it", "Remove one of the two")
		}
		all = append(all, k.v)
	}
	return all
}

func (d *decoder) events(x *rawCallback) []string {
	var all []string
	for i := range x.Events.items {
		e := &x.Events.items[i]
		switch {
		case e.bad:
		case !slices.Contains(eventNames, e.v):
			d.fail(e.spot, e.shown()+" is not an event", "Write file, status or abnormal")
		case slices.Contains(all, e.v):
			d.fail(e.spot, e.shown()+" is listed twice", "Remove one of the two")
		}
		all = append(all, e.v)
	}
	if len(all) == 0 && !x.Events.bad {
		d.fail(x.Events.spot, "is empty: the endpoint would never get anything", "Write [file], or remove the callback")
	}
	return all
}

func (d *decoder) api(x *rawAPI) API {
	a := API{Address: x.Address.v, TLSCert: x.TLS.Cert.v, TLSKey: x.TLS.Key.v, Insecure: x.Insecure.v}
	d.address(x)
	switch cert, key := x.TLS.Cert.v != "", x.TLS.Key.v != ""; {
	case x.TLS.Cert.bad || x.TLS.Key.bad:
	case cert && !key:
		d.missing(&x.TLS.origin, "key", "Write the path of the private key (PEM) that belongs to cert")
	case key && !cert:
		d.missing(&x.TLS.origin, "cert", "Write the path of the certificate (PEM) that belongs to key")
	}
	a.Credentials = d.credentials(&x.Credentials)
	return a
}

// address refuses to serve the API in the clear to anything but this machine.
func (d *decoder) address(x *rawAPI) {
	t := &x.Address
	if t.bad || t.v == "" {
		return
	}
	host, port, err := net.SplitHostPort(t.v)
	switch {
	case err != nil || port == "" || !goodPort(port) || strings.ContainsAny(host, "/ @"):
		d.fail(t.spot, t.shown()+" is not an address", `Write host:port, such as 127.0.0.1:9995, or "" for no API and no console`)
	case loopback(host) || x.Insecure.v || x.Insecure.bad || x.TLS.Cert.v != "" || x.TLS.bad || x.TLS.Cert.bad:
	default:
		d.fail(t.spot, t.shown()+" can be reached from other machines, and there is no TLS",
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

func (d *decoder) credentials(l *list[rawCredential]) []Credential {
	var all []Credential
	seen := map[string]int{}
	for i := range l.items {
		x := &l.items[i]
		if x.bad {
			continue
		}
		if x.SecretID.v == "" && !x.SecretID.bad {
			d.missing(&x.origin, "secretID", "Write secretID and secretKey")
		}
		if x.SecretKey.v == "" && !x.SecretKey.bad {
			d.missing(&x.origin, "secretKey", "Write secretID and secretKey")
		}
		if line, ok := seen[x.SecretID.v]; ok && x.SecretID.v != "" {
			d.fail(x.spot, fmt.Sprintf("has the secretID of the pair in line %d", line), "Remove one of the two")
		}
		seen[x.SecretID.v] = x.line
		all = append(all, Credential{SecretID: x.SecretID.v, SecretKey: x.SecretKey.v})
	}
	return all
}
