package pyruntime

import (
	"net/url"
	"regexp"
	"strings"
)

// loginsIn are the variables of uv and pip that hold addresses with logins, and those of proxies.
var loginsIn = regexp.MustCompile(`^((UV|PIP)_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|PROXY)|(?i:https?|all)_(?i:proxy))$`)

// password are uv's variables that are nothing but one, of an index by its name.
var password = regexp.MustCompile(`^UV_INDEX_[A-Z0-9_]+_PASSWORD$`)

// IndexLogins are the passwords and tokens by which installers reach package indexes, those of an environment (as
// os.Environ gives it) and of further addresses. Nothing that is shown may hold them.
func IndexLogins(environ []string, addresses ...string) []string {
	var found []string
	for _, pair := range environ {
		name, v, _ := strings.Cut(pair, "=")
		switch {
		case password.MatchString(name) && v != "":
			found = append(found, v)
		case loginsIn.MatchString(name):
			addresses = append(addresses, strings.Fields(v)...)
		}
	}
	for _, a := range addresses {
		found = append(found, loginOf(a)...)
	}
	return found
}

// loginOf is the password of an address, and the user's name where it stands alone: it is a token then. A password is told
// as it stands in the address too, if that is different.
func loginOf(address string) []string {
	if name, rest, named := strings.Cut(address, "="); named && !strings.Contains(name, ":") {
		address = rest // uv's name=address
	}
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return nil
	}
	secret, written := u.User.Username(), u.User.String()
	if p, ok := u.User.Password(); ok {
		secret = p
		_, written, _ = strings.Cut(written, ":")
	}
	switch {
	case secret == "":
		return nil
	case written == secret:
		return []string{secret}
	}
	return []string{secret, written}
}
