// Package api holds the tests of the API with Tencent's own SDKs: the endpoint is
// changed, nothing else. The Go SDK is a module; the Node SDK is installed into
// build/node by the test, from the lock file in node/.
package api
