package api

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Longest texts, in bytes.
const (
	maxName = 255  // of templates, domains, keys
	maxText = 1024 // of all else
)

var (
	nameForm = regexp.MustCompile(`^[\p{L}\p{N}_-]+$`)
	hostForm = regexp.MustCompile(`^[\p{L}\p{N}*]([\p{L}\p{N}_.*-]*[\p{L}\p{N}*])?$`)
	ipLike   = regexp.MustCompile(`^[0-9.]+$`)
)

// checkTemplateName allows letters of any script, digits, _ and -.
func checkTemplateName(name, code string) error {
	if !nameForm.MatchString(name) || len(name) > maxName {
		return Errorf(code, "TemplateName must be letters, digits, _ and -, at most %d bytes.", maxName)
	}
	return nil
}

// checkDomain returns the lower-cased domain.
func checkDomain(domain string, patterns bool, code string) (string, error) {
	domain = strings.ToLower(domain)
	_, notIP := netip.ParseAddr(domain)
	switch {
	case notIP == nil || ipLike.MatchString(domain):
		return "", Errorf(code, "DomainName %q is an IP address; what is published to one comes under the default domain (defaultDomain in recording.yml).", clip(domain))
	case !hostForm.MatchString(domain) || len(domain) > 253:
		return "", Errorf(code, "DomainName %q is not a host name.", clip(domain))
	}
	return domain, checkStars("DomainName", domain, patterns, code)
}

// checkApp allows slashes inside, for apps such as live/room.
func checkApp(app string, patterns bool) error {
	if strings.HasPrefix(app, "/") || strings.HasSuffix(app, "/") || strings.Contains(app, "//") {
		return Errorf(codeInvalidValue, "AppName %q begins or ends with / or holds //.", clip(app))
	}
	if err := checkText("AppName", app, maxText); err != nil {
		return err
	}
	return checkStars("AppName", app, patterns, codeInvalidValue)
}

func checkStream(stream string, patterns bool) error {
	if strings.Contains(stream, "/") {
		return Errorf(codeInvalidValue, "StreamName %q holds /; what stands before the last / of a path is the app.", clip(stream))
	}
	if err := checkText("StreamName", stream, maxText); err != nil {
		return err
	}
	return checkStars("StreamName", stream, patterns, codeInvalidValue)
}

// checkStars checks the use of '*', which stands for any text in rules.
func checkStars(name, s string, patterns bool, code string) error {
	switch {
	case patterns && strings.Contains(s, "**"):
		return Errorf(code, "%s %q holds **; one * stands for any text.", name, clip(s))
	case !patterns && strings.Contains(s, "*") && name != "StreamName":
		return Errorf(code, "%s %q is a pattern; here only whole names count.", name, clip(s))
	}
	return nil
}

// checkText bounds a text and refuses control characters.
func checkText(name, s string, limit int) error {
	if len(s) > limit {
		return Errorf(codeInvalidValue, "%s is longer than %d bytes.", name, limit)
	}
	if strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || r == unicode.ReplacementChar
	}) {
		return Errorf(codeInvalidValue, "%s holds control characters.", name)
	}
	return nil
}

// inRange checks a number.
func inRange(name string, v, least, most int64) error {
	if v < least || v > most {
		return Errorf(codeInvalidValue, "%s is %d; it must be %d to %d.", name, v, least, most)
	}
	return nil
}

var china = time.FixedZone("UTC+8", 8*60*60)

// listedTime is a time as the original lists it.
func listedTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(china).Format(time.DateTime)
}
