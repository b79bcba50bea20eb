package objectstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// classify wraps err with the sentinel error that tells the caller what happened. ctx is the caller's: its own
// cancellation is no failure of the server.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if kind := kindOf(err); kind != nil {
		return fmt.Errorf("%w (%w)", kind, reply{err})
	}
	return reply{err}
}

// kindOf goes by the status, and by S3's own code where one status has several meanings.
func kindOf(err error) error {
	status, code := statusOf(err), codeOf(err)
	switch {
	case errors.Is(err, ErrCorrupt): // said by the source of an upload
		return nil
	case code == "NoSuchKey":
		return ErrNotFound
	case code == "ObjectParentIsFile", code == "ExistingObjectIsDirectory":
		return ErrInvalidKey // one of two keys would be a folder of the other; versitygw keeps keys as paths
	case code == "ExpiredToken", code == "InvalidToken", code == "XAdminUserNotFound", // versitygw's InvalidAccessKeyId
		status == http.StatusForbidden, status == http.StatusUnauthorized, errors.As(err, new(credentialsError)):
		return ErrDenied
	case status == http.StatusNotFound, status == http.StatusMovedPermanently, code == "InvalidBucketName", code == "AuthorizationHeaderMalformed":
		return ErrNoBucket // a 404 of another kind comes from a server that is not S3
	case status == http.StatusPreconditionFailed:
		return ErrChanged
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == http.StatusConflict,
		code == "RequestTimeout", noUsableAnswer(err):
		return ErrUnavailable
	}
	return nil
}

// noUsableAnswer is true when the connection failed or timed out, and when something answered that is not S3.
func noUsableAnswer(err error) bool {
	return errors.As(err, new(*smithyhttp.RequestSendError)) || errors.As(err, new(*smithy.DeserializationError)) || brokenOff(err)
}

// brokenOff tells the errors of a connection from those of the SDK's checks. The caller's context is not cancelled, so
// a context error here is our own time limit.
func brokenOff(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.As(err, new(net.Error))
}

// classifyRead is classify for errors while a body is read: what neither the connection nor the context explains is the
// SDK's checksum, whose error type is not exported.
func classifyRead(ctx context.Context, err error) error {
	if ctx.Err() == nil && !brokenOff(err) {
		return fmt.Errorf("%w (%w)", ErrCorrupt, err)
	}
	return classify(ctx, err)
}

// statusOf is the HTTP status of the reply that err stands for, 0 if there was none.
func statusOf(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// codeOf is S3's own error code, "" if there was none: replies to HEAD have no body.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// reply shortens the SDK's errors, which name the operation, empty request IDs and host IDs, to what the server said.
type reply struct{ err error }

func (r reply) Unwrap() error { return r.err }

func (r reply) Error() string {
	var untrusted *tls.CertificateVerificationError
	if errors.As(r.err, &untrusted) {
		return oneLine(untrusted.Error()) + "; AWS_CA_BUNDLE names the certificates of an authority of your own"
	}
	var api smithy.APIError
	if status := statusOf(r.err); status != 0 && errors.As(r.err, &api) {
		return oneLine(strings.TrimRight(fmt.Sprintf("%d %s: %s", status, api.ErrorCode(), api.ErrorMessage()), ": "))
	}
	var unsent *smithyhttp.RequestSendError
	if errors.As(r.err, &unsent) {
		return oneLine(unsent.Err.Error())
	}
	var operation *smithy.OperationError
	if errors.As(r.err, &operation) {
		return oneLine(operation.Err.Error())
	}
	return oneLine(r.err.Error())
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// credentialsError marks a failure to get credentials, which the SDK otherwise reports like a failed request.
type credentialsError struct{ error }

func (e credentialsError) Unwrap() error { return e.error }

type markedCredentials struct{ aws.CredentialsProvider }

func (c markedCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	got, err := c.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		err = credentialsError{err}
	}
	return got, err
}
