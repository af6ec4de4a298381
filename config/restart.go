package config

import "reflect"

// RestartKeys lists the keys that differ between c and other and only count
// after a restart of the server: state, spool, api.
func (c *Config) RestartKeys(other *Config) []string {
	var keys []string
	if c.State != other.State {
		keys = append(keys, "state")
	}
	if c.Spool != other.Spool {
		keys = append(keys, "spool")
	}
	if !reflect.DeepEqual(c.API, other.API) {
		keys = append(keys, "api")
	}
	return keys
}
