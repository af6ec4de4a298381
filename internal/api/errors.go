package api

import (
	"errors"
	"fmt"
)

// Error is an answer's error. Its code is one of the original's.
type Error struct {
	Code      string
	Message   string
	RequestID string // set by Client
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// The codes that are used here (reference tencent-live.md §1.15, §4.6).
const (
	codeInvalidAuthorization = "AuthFailure.InvalidAuthorization"
	codeSecretIDNotFound     = "AuthFailure.SecretIdNotFound"
	codeSignatureExpire      = "AuthFailure.SignatureExpire"
	codeSignatureFailure     = "AuthFailure.SignatureFailure"
	codeTokenFailure         = "AuthFailure.TokenFailure"
	codeIPLimit              = "RequestLimitExceeded.IPLimitExceeded"
	codeBusy                 = "RequestLimitExceeded"
	codeSizeLimit            = "RequestSizeLimitExceeded"
	codeInvalidRequest       = "InvalidRequest"
	codeInvalidAction        = "InvalidAction"
	codeNoSuchVersion        = "NoSuchVersion"
	codeUnsupportedProtocol  = "UnsupportedProtocol"
	codeUnsupported          = "UnsupportedOperation"
	codeMissing              = "MissingParameter"
	codeUnknown              = "UnknownParameter"
	codeInvalid              = "InvalidParameter"
	codeInvalidValue         = "InvalidParameterValue"
	codeInternal             = "InternalError"

	codeNotFound         = "FailedOperation.NotFound"
	codeConfInUsed       = "FailedOperation.ConfInUsed"
	codeRuleExists       = "FailedOperation.RuleAlreadyExist"
	codeBucketNotExist   = "FailedOperation.CosBucketNotExist"
	codeConfLimit        = "InternalError.ConfOutLimit"
	codeRuleLimit        = "InternalError.RuleOutLimit"
	codeConfNotFound     = "InvalidParameter.ConfNotFound"
	codeDomainFormat     = "InvalidParameter.DomainFormatError"
	codeArgsNotMatch     = "InvalidParameter.ArgsNotMatch"
	codeURLNotSafe       = "InvalidParameter.UrlNotSafe"
	codeCOSFileName      = "InvalidParameter.COSCustomFileNameError"
	codeResourceNotFound = "ResourceNotFound"
)

// Errorf makes an error with a code of the original. An Operator may return it;
// its text is shown to the caller.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// shown turns any error into an answer; ok is false if it tells of a fault of
// ours, which is to be logged and not shown.
func shown(err error) (e *Error, ok bool) {
	if errors.As(err, &e) {
		return e, true
	}
	return Errorf(codeInternal, "An internal error occurred; the server's log says more under this RequestId."), false
}
