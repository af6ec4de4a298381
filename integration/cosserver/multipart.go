package cosserver

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/store/crc64"
)

const maxPartNumber = 10000

var errNoUpload = fail(404, "NoSuchUpload", "The specified multipart upload does not exist.")

func (x *exchange) initiate() *failure {
	header, tags, f := storedHeaders(x.r)
	if f != nil {
		return f
	}
	u := &upload{
		ID: strings.ToLower(rand.Text()), Key: x.entry.Key, Started: x.s.now(),
		Header: header, Tags: tags, Parts: make(map[int]*blob),
	}
	d := x.s.data
	d.mu.Lock()
	d.uploads[u.ID] = u
	d.save("uploads", u.ID, u)
	d.mu.Unlock()
	x.entry.UploadID = u.ID
	x.answer(200, struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket   string
		Key      string
		UploadID string `xml:"UploadId"`
	}{Bucket: x.s.opts.Bucket, Key: u.Key, UploadID: u.ID})
	return nil
}

// find returns the upload that the request names, nil if there is none. mu is held.
func (x *exchange) find() *upload {
	u := x.s.data.uploads[x.entry.UploadID]
	if u == nil || u.Key != x.entry.Key {
		return nil
	}
	return u
}

func (x *exchange) forgetUpload() {
	x.s.data.mu.Lock()
	defer x.s.data.mu.Unlock()
	if u := x.find(); u != nil {
		x.s.data.forget(u, nil)
	}
}

func (x *exchange) known() bool {
	x.s.data.mu.Lock()
	defer x.s.data.mu.Unlock()
	return x.find() != nil
}

func (x *exchange) putPart() *failure {
	if n := x.entry.Part; n < 1 || n > maxPartNumber {
		return fail(400, "InvalidArgument", "partNumber must be 1 to 10000.")
	}
	if !x.known() {
		return errNoUpload
	}
	b, f := x.body()
	if f != nil {
		return f
	}
	d := x.s.data
	d.mu.Lock()
	u := x.find()
	if u == nil { // gone while the body came in
		d.mu.Unlock()
		d.drop(b)
		return errNoUpload
	}
	d.drop(u.Parts[x.entry.Part])
	u.Parts[x.entry.Part] = b
	d.save("uploads", u.ID, u)
	d.mu.Unlock()
	x.sums(b.MD5, b.CRC)
	x.answer(200, nil)
	return nil
}

// partList is the body of Complete.
type partList struct {
	Parts []struct {
		PartNumber int
		ETag       string
	} `xml:"Part"`
}

func (x *exchange) complete() *failure {
	text, err := io.ReadAll(io.LimitReader(x.r.Body, 4<<20))
	x.entry.Size = int64(len(text))
	if err != nil {
		return fail(400, "IncompleteBody", "The body ended early.")
	}
	if x.fault.Kind == DropBefore {
		drop()
	}
	if want := x.r.Header.Get("Content-MD5"); want != "" {
		if sum := md5.Sum(text); base64.StdEncoding.EncodeToString(sum[:]) != want {
			return fail(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
		}
	}
	var list partList
	if err := xml.Unmarshal(text, &list); err != nil || len(list.Parts) == 0 {
		return fail(400, "MalformedXML", "The XML you provided was not well-formed.")
	}
	switch x.fault.Kind {
	case ErrorIn200, LateError:
		x.late(marshal(struct {
			XMLName       xml.Name `xml:"Error"`
			Code, Message string
		}{Code: "InternalError", Message: "We encountered an internal error. Please try again."}))
		x.entry.Code = "InternalError"
		return nil
	}
	o, f := x.join(list)
	if f != nil {
		return f
	}
	x.joined(o)
	return nil
}

// join makes an object of the parts, all or nothing.
func (x *exchange) join(list partList) (*object, *failure) {
	d := x.s.data
	d.mu.Lock()
	defer d.mu.Unlock()
	u := x.find()
	if u == nil {
		return nil, errNoUpload
	}
	o := &object{Key: u.Key, Header: u.Header, Tags: u.Tags, Modified: x.s.now()}
	var sum crc64.Sum
	sums := md5.New()
	for i, p := range list.Parts {
		b, f := u.part(i, p.PartNumber, p.ETag, len(list.Parts), x.s.opts.MinPart)
		if f != nil {
			return nil, f
		}
		o.Blobs = append(o.Blobs, b)
		sum = sum.Then(crc64.Sum{CRC: b.CRC, Size: b.Size})
		raw, _ := hex.DecodeString(b.MD5)
		sums.Write(raw)
	}
	o.Size, o.CRC = sum.Size, sum.CRC
	if x.fault.Kind == CorruptWhole {
		if f := d.flip(o); f != nil {
			return nil, f
		}
	}
	o.ETag = fmt.Sprintf("%x-%d", sums.Sum(nil), len(o.Blobs))
	d.put(o)
	d.forget(u, o.Blobs)
	return o, nil
}

// part checks entry i of a list of count and returns the bytes it names.
func (u *upload) part(i, number int, etag string, count int, minSize int64) (*blob, *failure) {
	b := u.Parts[number]
	switch {
	case i > 0 && number <= i:
		return nil, fail(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
	case number != i+1:
		return nil, fail(400, "InvalidPart", "The numbers of the parts have a gap.")
	case b == nil || strings.Trim(etag, `"`) != b.MD5:
		return nil, fail(400, "InvalidPart", "A part could not be found, or its ETag does not match.")
	case i < count-1 && b.Size < minSize:
		return nil, fail(400, "EntityTooSmall", "A part is smaller than the minimum allowed size.")
	}
	return b, nil
}

// joined answers a Complete that was done.
func (x *exchange) joined(o *object) {
	body := x.mangle(marshal(struct {
		XMLName                     xml.Name `xml:"CompleteMultipartUploadResult"`
		Location, Bucket, Key, ETag string
	}{
		Location: x.r.Host + x.r.URL.Path, Bucket: x.s.opts.Bucket, Key: o.Key,
		ETag: `"` + x.etagToTell(o) + `"`,
	}))
	if x.fault.Kind == LateOK || x.fault.Kind == LateDrop {
		x.late(body)
		return
	}
	x.sums(o.ETag, o.CRC)
	x.afterwards()
	x.entry.Status = 200
	x.w.Header().Set("Content-Type", "application/xml")
	x.w.Write(body) //nolint:errcheck // the client may be gone
}

func (x *exchange) etagToTell(o *object) string {
	if x.fault.Kind == WrongETag {
		return "00000000000000000000000000000000-1"
	}
	return o.ETag
}

// late answers as COS does when joining takes long: 200, spaces, then the
// result. There is no CRC64 in the headers then, it was not known yet.
func (x *exchange) late(body []byte) {
	x.entry.Status = 200
	x.w.Header().Set("Content-Type", "application/xml")
	x.w.WriteHeader(200)
	if x.fault.Kind != ErrorIn200 {
		tick := max(x.fault.Delay/10, 10*time.Millisecond)
		for end := time.Now().Add(x.fault.Delay); time.Now().Before(end); time.Sleep(tick) {
			if x.r.Context().Err() != nil || x.s.outage.Load() {
				drop()
			}
			io.WriteString(x.w, " ")                //nolint:errcheck // the context tells
			http.NewResponseController(x.w).Flush() //nolint:errcheck // the context tells
		}
	}
	if x.fault.Kind == LateDrop {
		drop()
	}
	x.w.Write(body) //nolint:errcheck // the client may be gone
}

func (x *exchange) abort() *failure {
	x.s.data.mu.Lock()
	u := x.find()
	if u != nil {
		x.s.data.forget(u, nil)
	}
	x.s.data.mu.Unlock()
	if u == nil {
		return errNoUpload
	}
	x.answer(204, nil)
	return nil
}

// numbers returns the part numbers of u in order.
func (u *upload) numbers() []int {
	list := make([]int, 0, len(u.Parts))
	for n := range u.Parts {
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}
