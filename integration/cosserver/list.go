package cosserver

import (
	"encoding/xml"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const maxPage = 1000

// page returns the size of a page that the parameter name asks for.
func (x *exchange) page(name string) int {
	n, err := strconv.Atoi(x.query.get(name))
	if err != nil || n < 1 || n > maxPage {
		return maxPage
	}
	return n
}

// encode returns a key as encoding-type asks.
func (x *exchange) encode(key string) string {
	if x.query.get("encoding-type") == "url" {
		return escape(key)
	}
	return key
}

func (x *exchange) listParts() *failure {
	type part struct {
		PartNumber   int
		LastModified string
		ETag         string
		Size         int64
	}
	var doc struct {
		XMLName              xml.Name `xml:"ListPartsResult"`
		Bucket               string
		EncodingType         string `xml:"Encoding-type,omitempty"`
		Key                  string
		UploadID             string `xml:"UploadId"`
		StorageClass         string
		PartNumberMarker     int
		NextPartNumberMarker int `xml:",omitempty"`
		MaxParts             int
		IsTruncated          bool
		Part                 []part
	}
	doc.Bucket, doc.Key, doc.MaxParts = x.s.opts.Bucket, x.encode(x.entry.Key), x.page("max-parts")
	doc.EncodingType = x.query.get("encoding-type")
	doc.PartNumberMarker, _ = strconv.Atoi(x.query.get("part-number-marker"))
	x.s.data.mu.Lock()
	u := x.find()
	if u == nil {
		x.s.data.mu.Unlock()
		return errNoUpload
	}
	doc.UploadID, doc.StorageClass = u.ID, u.Header.Get("X-Cos-Storage-Class")
	for _, n := range u.numbers() {
		if n <= doc.PartNumberMarker || x.fault.Kind == OmitPart && (x.fault.Part == 0 || x.fault.Part == n) {
			continue
		}
		if len(doc.Part) == doc.MaxParts {
			doc.IsTruncated, doc.NextPartNumberMarker = true, doc.Part[len(doc.Part)-1].PartNumber
			break
		}
		b := u.Parts[n]
		doc.Part = append(doc.Part, part{n, stamp(u.Started), `"` + b.MD5 + `"`, b.Size})
	}
	x.s.data.mu.Unlock()
	x.answer(200, doc)
	return nil
}

func (x *exchange) listUploads() *failure {
	type entry struct {
		Key       string
		UploadID  string `xml:"UploadId"`
		Initiated string
	}
	var doc struct {
		XMLName            xml.Name `xml:"ListMultipartUploadsResult"`
		Bucket             string
		EncodingType       string `xml:"Encoding-Type,omitempty"`
		KeyMarker          string
		UploadIDMarker     string `xml:"UploadIdMarker"`
		NextKeyMarker      string
		NextUploadIDMarker string `xml:"NextUploadIdMarker"`
		MaxUploads         int
		IsTruncated        bool
		Prefix             string
		Upload             []entry
	}
	doc.Bucket, doc.MaxUploads, doc.Prefix = x.s.opts.Bucket, x.page("max-uploads"), x.query.get("prefix")
	doc.EncodingType = x.query.get("encoding-type")
	doc.KeyMarker, doc.UploadIDMarker = x.query.get("key-marker"), x.query.get("upload-id-marker")
	x.s.data.mu.Lock()
	for _, u := range x.s.data.sortedUploads() {
		after := u.Key > doc.KeyMarker || u.Key == doc.KeyMarker && doc.UploadIDMarker != "" && u.ID > doc.UploadIDMarker
		if !after && doc.KeyMarker != "" || !strings.HasPrefix(u.Key, doc.Prefix) {
			continue
		}
		if len(doc.Upload) == doc.MaxUploads {
			last := doc.Upload[len(doc.Upload)-1]
			doc.IsTruncated, doc.NextKeyMarker, doc.NextUploadIDMarker = true, last.Key, last.UploadID
			break
		}
		doc.Upload = append(doc.Upload, entry{x.encode(u.Key), u.ID, stamp(u.Started)})
	}
	x.s.data.mu.Unlock()
	x.answer(200, doc)
	return nil
}

func (x *exchange) list() *failure {
	type entry struct {
		Key          string
		LastModified string
		ETag         string
		Size         int64
		StorageClass string
	}
	var doc struct {
		XMLName      xml.Name `xml:"ListBucketResult"`
		Name         string
		EncodingType string `xml:"EncodingType,omitempty"`
		Prefix       string
		Marker       string
		NextMarker   string `xml:",omitempty"`
		MaxKeys      int
		IsTruncated  bool
		Contents     []entry
	}
	doc.Name, doc.MaxKeys = x.s.opts.Bucket, x.page("max-keys")
	doc.Prefix, doc.Marker = x.query.get("prefix"), x.query.get("marker")
	doc.EncodingType = x.query.get("encoding-type")
	x.s.data.mu.Lock()
	for _, key := range slices.Sorted(maps.Keys(x.s.data.objects)) {
		if key <= doc.Marker && doc.Marker != "" || !strings.HasPrefix(key, doc.Prefix) {
			continue
		}
		if len(doc.Contents) == doc.MaxKeys {
			doc.IsTruncated, doc.NextMarker = true, doc.Contents[len(doc.Contents)-1].Key
			break
		}
		o := x.s.data.objects[key]
		class := o.Header.Get("X-Cos-Storage-Class")
		if class == "" {
			class = "STANDARD"
		}
		doc.Contents = append(doc.Contents, entry{x.encode(key), stamp(o.Modified), `"` + o.ETag + `"`, o.Size, class})
	}
	x.s.data.mu.Unlock()
	x.answer(200, doc)
	return nil
}
