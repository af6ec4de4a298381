package cos

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/live-recording/liverecord/internal/store"
)

// ProbePrefix is where Diagnose writes; it removes what it wrote.
const ProbePrefix = "liverecord-probe/"

// maxSkew is what COS tolerates between the clocks.
const maxSkew = 15 * time.Minute

// Diagnose tries everything that recording will need, on probe objects, and
// tells what it found. Every finding stands for itself; without the first one
// the others are not tried.
func (s *Store) Diagnose(ctx context.Context) []store.Finding {
	d := &diagnosis{s: s, ctx: ctx, key: ProbePrefix + rand.Text()}
	if !d.tried("put object", "a small object is stored at "+d.key, d.put) {
		d.clock()
		return d.found
	}
	d.clock()
	d.tried("head object", "size and checksum agree", d.head)
	d.tried("get object", "the bytes come back", d.get)
	d.tried("object tags", "an object may carry tags ("+ExpireTag+")", d.tag)
	d.tried("multipart upload", "initiate, upload, list, complete, abort", d.multipart)
	d.tried("list uploads", "open uploads can be found", d.uploads)
	d.tried("delete object", "the probe is gone", func() error { return s.Delete(ctx, d.key) })
	d.lifecycle()
	return d.found
}

type diagnosis struct {
	s     *Store
	ctx   context.Context //nolint:containedctx // lives as long as Diagnose
	key   string
	found []store.Finding
}

var probe = []byte("Written by `record doctor` to see whether it may. It can be deleted.\n")

func (d *diagnosis) add(f store.Finding) { d.found = append(d.found, f) }

func (d *diagnosis) tried(what, good string, try func() error) bool {
	err := try()
	f := store.Finding{OK: err == nil, What: what, Detail: good}
	if err != nil {
		f.Detail = err.Error()
		var e *store.Error
		if errors.As(err, &e) {
			f.Remedy = e.Remedy
			f.Detail = strings.TrimSuffix(f.Detail, " ("+e.Remedy+")")
		}
	}
	d.add(f)
	return err == nil
}

func (d *diagnosis) object() store.Object {
	return store.Object{Key: d.key, ContentType: "text/plain"}
}

func (d *diagnosis) put() error {
	_, err := d.s.Put(d.ctx, d.object(), bytes.NewReader(probe), int64(len(probe)))
	return err
}

func (d *diagnosis) head() error {
	r, err := d.s.Head(d.ctx, d.key)
	if err == nil && r.Size != int64(len(probe)) {
		err = fmt.Errorf("the object has %d bytes, not %d", r.Size, len(probe))
	}
	return err
}

func (d *diagnosis) get() error {
	body, err := d.s.Get(d.ctx, d.key)
	if err != nil {
		return err
	}
	defer body.Close()
	got, err := io.ReadAll(io.LimitReader(body, 1<<16))
	if err == nil && !bytes.Equal(got, probe) {
		err = errors.New("other bytes came back than were sent")
	}
	return err
}

func (d *diagnosis) tag() error {
	o := d.object()
	o.Keep = 24 * time.Hour
	_, err := d.s.Put(d.ctx, o, bytes.NewReader(probe), int64(len(probe)))
	return err
}

func (d *diagnosis) multipart() error {
	id, err := d.s.Initiate(d.ctx, d.object())
	if err != nil {
		return err
	}
	part, err := d.s.UploadPart(d.ctx, d.key, id, 1, bytes.NewReader(probe), int64(len(probe)))
	if err == nil {
		_, err = d.s.ListParts(d.ctx, d.key, id)
	}
	if err == nil {
		_, err = d.s.Complete(d.ctx, d.key, id, []store.Part{part})
	}
	if err != nil {
		return errors.Join(err, d.s.Abort(d.ctx, d.key, id))
	}
	if id, err = d.s.Initiate(d.ctx, d.object()); err != nil {
		return err
	}
	return d.s.Abort(d.ctx, d.key, id)
}

func (d *diagnosis) uploads() error {
	_, err := d.s.ListUploads(d.ctx, ProbePrefix)
	return err
}

func (d *diagnosis) clock() {
	skew := d.s.Clock()
	f := store.Finding{OK: true, What: "clock", Detail: fmt.Sprintf("the store's is %v ahead", skew.Round(time.Second))}
	switch {
	case skew.Abs() > maxSkew:
		f.OK, f.Remedy = false, "set this machine's clock (NTP): above 15 minutes the store refuses every request"
	case skew.Abs() > time.Minute:
		f.OK, f.Remedy = false, "set this machine's clock (NTP)"
	}
	d.add(f)
}

// lifecycle shows what expires. Rights to read the rules are not needed for
// recording, so a refusal is a remark.
func (d *diagnosis) lifecycle() {
	const what = "lifecycle"
	const remedy = "add a rule that aborts incomplete multipart uploads after 7 days"
	c := &call{}
	res, resp, err := d.s.client.Bucket.GetLifecycle(d.s.begin(d.ctx, c))
	if err != nil {
		err = d.s.fail("read lifecycle", "", c, resp, err)
		var e *store.Error
		errors.As(err, &e)
		if e.Status == 404 && e.Code != "NoSuchBucket" {
			d.add(store.Finding{What: what, Detail: "the bucket has no rule", Remedy: remedy})
			return
		}
		d.add(store.Finding{What: what, Detail: err.Error(), Remedy: "grant GetBucketLifecycle, or check the rules by hand"})
		return
	}
	tags, aborts := rulesOf(res)
	f := store.Finding{OK: aborts, What: what, Detail: "values of " + ExpireTag + " with a rule: " + strings.Join(tags, " ")}
	if len(tags) == 0 {
		f.Detail = "no rule acts on " + ExpireTag + "; `keep` of a format needs one"
	}
	if !aborts {
		f.Remedy = remedy
	}
	d.add(f)
}

// rulesOf returns the values of the expiry tag that a rule acts on, and whether
// forgotten uploads are cleaned up.
func rulesOf(res *sdk.BucketGetLifecycleResult) (tags []string, aborts bool) {
	for _, r := range res.Rules {
		if r.Status != "Enabled" {
			continue
		}
		aborts = aborts || r.AbortIncompleteMultipartUpload != nil
		if r.Filter == nil || r.Expiration == nil {
			continue
		}
		set := []sdk.BucketTaggingTag{}
		if r.Filter.Tag != nil {
			set = append(set, *r.Filter.Tag)
		}
		if r.Filter.And != nil {
			set = append(set, r.Filter.And.Tag...)
		}
		for _, t := range set {
			if t.Key == ExpireTag && !slices.Contains(tags, t.Value) {
				tags = append(tags, t.Value)
			}
		}
	}
	return tags, aborts
}
