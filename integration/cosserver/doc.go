// Package cosserver is a server that speaks the part of Tencent COS's protocol
// which a recorder needs: so that tests run without an account, and so that
// anyone can try the cos store by hand (make cos-server).
//
// It was written from Tencent's documentation (436/7778 for signatures,
// 436/7740 to 7750 for objects and parts) and shares no code with the SDK, so
// that a mistake in one shows in the other.
//
// # What it keeps to
//
//   - q-sign signatures in the Authorization header or in the query, session
//     tokens, and validity in time. Stricter than COS: Host and every x-cos-*
//     header and every query parameter must be signed.
//   - Parts: numbers 1 to 10,000, 1 MiB or more but for the last one
//     (EntityTooSmall at Complete), no gaps, ETags must match (InvalidPart),
//     ascending (InvalidPartOrder), a second Complete is NoSuchUpload.
//   - x-cos-hash-crc64ecma on Put, Upload Part, Complete, Head and Get.
//   - Content-Type, Content-Disposition, x-cos-meta-*, storage class, tags.
//   - Put, Head, Get (with Range), Delete, GET Bucket (v1), ListParts,
//     ListMultipartUploads, ?tagging, ?lifecycle (GET).
//   - Addresses http://host/key and, with Options.Path, http://host/path/key.
//     A host whose first label looks like another bucket is NoSuchBucket.
//
// # Faults
//
// Inject makes requests fail in the ways that networks and COS have, see Fault.
// Which requests fail is drawn from Options.Seed, so a run can be repeated.
//
// # What tests ask
//
// Log tells every request with its time; Objects, Open and Uploads tell what is
// stored. Nothing of it goes through the protocol.
package cosserver
