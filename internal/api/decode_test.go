package api

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

type decodeInner struct {
	Flag *bool
	N    *int64
}

type decodeInput struct {
	Name  *string `api:"required"`
	Count *uint64
	N     *int64
	Flag  *bool
	Inner *decodeInner
	List  []string
}

func TestDecodeTakesStringsForNumbersAndBooleans(t *testing.T) {
	for _, body := range []string{
		`{"Name":"x","Count":5,"N":-3,"Flag":true,"Inner":{"Flag":false,"N":1},"List":["a","b"]}`,
		`{"Name":"x","Count":"5","N":"-3","Flag":"true","Inner":{"Flag":"false","N":"1"},"List":["a","b"]}`,
		`{"Name":"x","Count":"5","N":"-3","Flag":1,"Inner":{"Flag":"0","N":1},"List":{"1":"b","0":"a"}}`,
	} {
		o, err := parseJSON([]byte(body))
		require.NoError(t, err)
		var in decodeInput
		require.NoError(t, decode(o, &in))
		require.Equal(t, []any{"x", uint64(5), int64(-3), true, false, int64(1), []string{"a", "b"}},
			[]any{*in.Name, *in.Count, *in.N, *in.Flag, *in.Inner.Flag, *in.Inner.N, in.List})
	}
	flat, err := parseQuery("Name=x&Count=5&N=-3&Flag=true&Inner.Flag=false&Inner.N=1&List.0=a&List.1=b")
	require.NoError(t, err)
	o, err := parseForm(flat)
	require.NoError(t, err)
	var in decodeInput
	require.NoError(t, decode(o, &in))
	require.Equal(t, []string{"a", "b"}, in.List)
	require.Equal(t, int64(1), *in.Inner.N)
}

func TestDecodeNullAndEmptyAreAbsent(t *testing.T) {
	o, err := parseJSON([]byte(`{"Name":"x","Count":null,"N":"","Flag":null,"Inner":null,"List":null}`))
	require.NoError(t, err)
	var in decodeInput
	require.NoError(t, decode(o, &in))
	require.Equal(t, decodeInput{Name: in.Name}, in)
}

func TestDecodeRefuses(t *testing.T) {
	for body, code := range map[string]string{
		`{}`:                                        codeMissing,
		`{"Name":null}`:                             codeMissing,
		`{"Name":""}`:                               codeMissing,
		`{"Name":1}`:                                codeInvalid,
		`{"Name":"a\u0000"}`:                        codeInvalid,
		`{"Name":"x","Count":-1}`:                   codeInvalid,
		`{"Name":"x","Count":1.5}`:                  codeInvalid,
		`{"Name":"x","N":1e3}`:                      codeInvalid,
		`{"Name":"x","N":"0x1"}`:                    codeInvalid,
		`{"Name":"x","N":99999999999999999999}`:     codeInvalid,
		`{"Name":"x","Count":18446744073709551615}`: codeInvalid,
		`{"Name":"x","N":true}`:                     codeInvalid,
		`{"Name":"x","N":{}}`:                       codeInvalid,
		`{"Name":"x","Flag":"yes"}`:                 codeInvalid,
		`{"Name":"x","Flag":2}`:                     codeInvalid,
		`{"Name":"x","Inner":"y"}`:                  codeInvalid,
		`{"Name":"x","Inner":[]}`:                   codeInvalid,
		`{"Name":"x","Inner":{"Z":1}}`:              codeUnknown,
		`{"Name":"x","List":"a"}`:                   codeInvalid,
		`{"Name":"x","List":[1]}`:                   codeInvalid,
		`{"Name":"x","List":{"1":"a"}}`:             codeInvalid,
		`{"name":"x"}`:                              codeUnknown,
		`{"Name":"x","Inner":{"N":"a"}}`:            codeInvalid,
		`{"Name":"x","Name.Foo":"x"}`:               codeUnknown,
	} {
		o, err := parseJSON([]byte(body))
		require.NoError(t, err, body)
		var e *Error
		require.ErrorAs(t, decode(o, &decodeInput{}), &e, body)
		require.Equal(t, code, e.Code, body)
	}
	for _, raw := range []string{"A=1&A.B=2", "A.B=1&A.B.C=2", "A..B=1", ".A=1", "A.=1", "A.B.C.D.E.F.G.H.I=1"} {
		flat, err := parseQuery(raw)
		require.NoError(t, err)
		_, err = parseForm(flat)
		require.Error(t, err, raw)
	}
}

// fuzzDecode reads parameters as those of every action, always in the same order.
func fuzzDecode(t *testing.T, o object) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		if actions[name].input == nil {
			continue
		}
		if err := decode(o, reflect.New(actions[name].input).Interface()); err != nil {
			if _, ok := shown(err); !ok {
				t.Fatalf("not an answer: %v", err)
			}
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"TemplateName":"a","FlvParam":{"Enable":"1","RecordInterval":60},"RemoveWatermark":"false","RecordExceptionLevels":["error"]}`))
	f.Add([]byte(`{"StartTime":1,"EndTime":"2","StreamName":"s","DomainName":"d","AppName":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := parseJSON(body)
		if err != nil {
			if _, ok := shown(err); !ok {
				t.Fatalf("not an answer: %v", err)
			}
			return
		}
		fuzzDecode(t, o)
	})
}
