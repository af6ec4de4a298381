package cosserver

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// kept are the headers of Put and Initiate that Head and Get give back.
var kept = []string{
	"Content-Type", "Content-Disposition", "Content-Encoding", "Content-Language", "Cache-Control", "Expires",
	"X-Cos-Storage-Class",
}

// storedHeaders returns what of a request is stored with the object.
func storedHeaders(r *http.Request) (http.Header, string, *failure) {
	h := make(http.Header)
	for _, name := range kept {
		if v := r.Header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	size := 0
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-Cos-Meta-") {
			h[name] = values
			size += len(name) + len(values[0])
		}
	}
	if size > 2048 {
		return nil, "", fail(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size.")
	}
	tags := r.Header.Get("X-Cos-Tagging")
	parsed, err := url.ParseQuery(tags)
	if err != nil || len(parsed) > 10 {
		return nil, "", fail(400, "InvalidTag", "The tags are not valid.")
	}
	switch h.Get("X-Cos-Storage-Class") {
	case "", "STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ARCHIVE", "DEEP_ARCHIVE",
		"MAZ_STANDARD", "MAZ_STANDARD_IA", "MAZ_INTELLIGENT_TIERING":
	default:
		return nil, "", fail(400, "InvalidStorageClass", "The storage class you specified is not valid.")
	}
	return h, tags, nil
}

func (x *exchange) put() *failure {
	header, tags, f := storedHeaders(x.r)
	if f != nil {
		return f
	}
	b, f := x.body()
	if f != nil {
		return f
	}
	o := &object{
		Key: x.entry.Key, Blobs: []*blob{b}, Size: b.Size, CRC: b.CRC, ETag: b.MD5,
		Header: header, Tags: tags, Modified: x.s.now(),
	}
	x.s.data.mu.Lock()
	x.s.data.put(o)
	x.s.data.mu.Unlock()
	x.sums(o.ETag, o.CRC)
	x.answer(200, nil)
	return nil
}

// sums sets ETag and CRC64 of the answer.
func (x *exchange) sums(etag string, crc uint64) {
	x.w.Header().Set("ETag", `"`+etag+`"`)
	if !x.s.opts.NoCRC {
		x.w.Header().Set("X-Cos-Hash-Crc64ecma", strconv.FormatUint(crc, 10))
	}
}

// get does Get and Head.
func (x *exchange) get() *failure {
	x.s.data.mu.Lock()
	o := x.s.data.objects[x.entry.Key]
	x.s.data.mu.Unlock()
	if o == nil {
		return fail(404, "NoSuchKey", "The specified key does not exist.")
	}
	for name, values := range o.Header {
		x.w.Header()[name] = values
	}
	if x.w.Header().Get("Content-Type") == "" {
		x.w.Header().Set("Content-Type", "application/octet-stream")
	}
	if o.Tags != "" {
		x.w.Header().Set("X-Cos-Tagging-Count", strconv.Itoa(strings.Count(o.Tags, "&")+1))
	}
	x.sums(o.ETag, o.CRC)
	x.afterwards()
	c := &content{d: x.s.data, o: o}
	defer c.Close()
	w := &statusWriter{ResponseWriter: x.w}
	if x.fault.Kind == ShortGet {
		w.Header().Set("Content-Length", strconv.FormatInt(o.Size, 10))
		io.Copy(w, io.NewSectionReader(c, 0, o.Size/2)) //nolint:errcheck // it is to fail
		drop()
	}
	http.ServeContent(w, x.r, "", o.Modified, io.NewSectionReader(c, 0, o.Size))
	x.entry.Status = w.status
	return nil
}

// statusWriter notes the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (x *exchange) delete() *failure {
	d := x.s.data
	d.mu.Lock()
	if o := d.objects[x.entry.Key]; o != nil {
		delete(d.objects, o.Key)
		d.save("objects", o.Key, nil)
		d.drop(o.Blobs...)
	}
	d.mu.Unlock()
	x.answer(204, nil)
	return nil
}

func (x *exchange) tagging() *failure {
	x.s.data.mu.Lock()
	o := x.s.data.objects[x.entry.Key]
	x.s.data.mu.Unlock()
	if o == nil {
		return fail(404, "NoSuchKey", "The specified key does not exist.")
	}
	type tag struct{ Key, Value string }
	var doc struct {
		XMLName xml.Name `xml:"Tagging"`
		Tags    []tag    `xml:"TagSet>Tag"`
	}
	for _, kv := range parsePairs(o.Tags, true) {
		doc.Tags = append(doc.Tags, tag{kv[0], kv[1]})
	}
	x.answer(200, doc)
	return nil
}

func (x *exchange) lifecycle() *failure {
	if x.s.opts.Lifecycle == "" {
		return fail(404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist.")
	}
	x.w.Header().Set("Content-Type", "application/xml")
	x.entry.Status = 200
	io.WriteString(x.w, x.s.opts.Lifecycle) //nolint:errcheck // the client may be gone
	return nil
}

// stamp is how COS writes times into XML.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
