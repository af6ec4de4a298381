// Package cos keeps files in a bucket of Tencent Cloud Object Storage, or of a
// server that speaks its protocol (integration/cosserver does).
//
// It implements store.Remote through the low-level calls of cos-go-sdk-v5: one
// call is one request, with no retry and no file handling of the SDK's own.
// Retry belongs to package upload.
//
// # What goes over the wire
//
// Bodies are read through io.ReaderAt with an explicit Content-Length, never
// chunked. While a body is sent its CRC64 is computed (hash/crc64, 1.5 GB/s)
// and compared with the x-cos-hash-crc64ecma of the answer; a difference is
// KindCorrupt. Put and UploadPart return the CRC of the bytes sent; HasCRC says
// whether the store confirmed it.
//
// The endpoint of the configuration may have a path: http://host:9080/bucket.
// The path is put in front of every key before the request is signed, so the
// signature covers the path that the server sees. A proxy between us and COS
// must therefore change neither path nor Host.
//
// Proxies come from HTTP_PROXY, HTTPS_PROXY and NO_PROXY, trusted certificates
// from the system (SSL_CERT_FILE adds a private one).
//
// # Time
//
// Connecting may take 10 s, TLS another 10 s. After that there is no limit on
// the whole of a request but on standing still: when for Options.Stall no byte
// is taken or given by the other side, the request is given up. The bandwidth
// limit and a slow reader of Get don't count as standing still. Complete has
// limits of its own: COS answers 200 at once, sends spaces while it joins the
// parts, for minutes, and the result (or an error!) at the end. We read to the
// end.
//
// # Credentials
//
// secretID, secretKey and sessionToken, or secretKeyFile, or both: then the file
// completes or replaces what the configuration says. The file is looked at
// before each request (at most once a second) and read again when it changed; a
// file that cannot be read leaves the last good pair in force. Its form is one of
//
//	{"secretID": "...", "secretKey": "...", "sessionToken": "..."}   JSON, the token is optional
//	TENCENTCLOUD_SECRET_ID=...                                       KEY=VALUE lines, # comments;
//	TENCENTCLOUD_SECRET_KEY=...                                      also secretID=, secretKey=, sessionToken=
//	TENCENTCLOUD_SESSION_TOKEN=...
//	two or three bare lines                                          id, key, token
//	one bare line                                                    the key alone; secretID is configured
//
// # Expiry
//
// An object with Keep > 0 gets the tag liverecord-expire=<days>d, days rounded
// up. COS acts on it when the bucket has a lifecycle rule for that tag, one for
// each value in use:
//
//	filter: tag liverecord-expire = 30d     expiration: 30 days after modification
//
// Let the bucket also have a rule that aborts incomplete multipart uploads
// after 7 days or more. `record doctor` (Diagnose) shows which rules it found.
//
// # Metadata
//
// User metadata travels as x-cos-meta-<name>, values percent-encoded (UTF-8), a
// value cut to 512 encoded bytes and all together to COS's 2 KiB. Tags travel
// in x-cos-tagging. The disposition is RFC 6266 with filename*.
package cos
