package objectstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
)

// calls does everything that a Store can do with one key.
func calls(ctx context.Context, b objectstore.Store, key string) map[string]func() error {
	return map[string]func() error{
		"Get":    func() error { _, err := b.Get(ctx, key); return err },
		"Create": func() error { _, err := b.Create(ctx, key, []byte("x")); return err },
		"Replace": func() error {
			_, err := b.Replace(ctx, key, []byte("x"), `"0123456789abcdef0123456789abcdef"`)
			return err
		},
		"Stat":    func() error { _, err := b.Stat(ctx, key); return err },
		"Open":    func() error { _, _, err := b.Open(ctx, key); return err },
		"List":    func() error { _, err := b.List(ctx, "", "", 0); return err },
		"Folders": func() error { _, err := b.Folders(ctx, ""); return err },
		"CreateFrom": func() error {
			_, err := b.CreateFrom(ctx, key, bytes.NewReader(make([]byte, 1<<20)), 1<<20)
			return err
		},
	}
}

func answerXML(w http.ResponseWriter, r *http.Request, status int, code string) bool {
	io.Copy(io.Discard, r.Body)
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>because of %s</Message></Error>`, code, code)
	}
	return true
}

func TestAnswersAreClassified(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		code   string
		want   error
	}{
		"permission missing":   {403, "AccessDenied", objectstore.ErrDenied},
		"unknown access key":   {403, "InvalidAccessKeyId", objectstore.ErrDenied},
		"wrong secret":         {403, "SignatureDoesNotMatch", objectstore.ErrDenied},
		"unauthorized proxy":   {401, "Unauthorized", objectstore.ErrDenied},
		"another region":       {301, "PermanentRedirect", objectstore.ErrNoBucket},
		"too many requests":    {429, "TooManyRequests", objectstore.ErrUnavailable},
		"internal error":       {500, "InternalError", objectstore.ErrUnavailable},
		"bad gateway":          {502, "BadGateway", objectstore.ErrUnavailable},
		"gateway timeout":      {504, "GatewayTimeout", objectstore.ErrUnavailable},
		"slow down":            {503, "SlowDown", objectstore.ErrUnavailable},
		"conflict":             {409, "ConditionalRequestConflict", objectstore.ErrUnavailable},
		"insufficient storage": {507, "InsufficientStorage", objectstore.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := s3test.Between(t, func(w http.ResponseWriter, r *http.Request) bool { return answerXML(w, r, test.status, test.code) })
			for verb, call := range calls(t.Context(), b, "a/b.json") {
				err := call()
				require.ErrorIs(t, err, test.want, verb)
				require.NotContains(t, err.Error(), "\n", verb)
				require.Contains(t, err.Error(), `"faults-`, "%s names the bucket", verb)
			}
		})
	}
}

func TestCodesThatSayMoreThanTheirStatus(t *testing.T) {
	for code, test := range map[string]struct {
		status int
		want   error
	}{
		"NoSuchBucket":                 {404, objectstore.ErrNoBucket},
		"NoSuchKey":                    {404, objectstore.ErrNotFound},
		"ExpiredToken":                 {400, objectstore.ErrDenied},
		"AuthorizationHeaderMalformed": {400, objectstore.ErrNoBucket},
		"RequestTimeout":               {400, objectstore.ErrUnavailable},
	} {
		t.Run(code, func(t *testing.T) {
			b := s3test.Between(t, func(w http.ResponseWriter, r *http.Request) bool { return answerXML(w, r, test.status, code) })
			_, err := b.Get(t.Context(), "a")
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, "because of "+code)
		})
	}
}

func TestABucketThatDoesNotExist(t *testing.T) {
	b := objectstore.NewBucket(s3test.Server(t).Client(), "no-such-bucket")
	for verb, call := range calls(t.Context(), b, "a") {
		err := call()
		for tries := 0; errors.Is(err, objectstore.ErrUnavailable) && tries < 5; tries++ {
			err = call() // the server answers before it has read the body, and may hang up on it
		}
		require.ErrorIs(t, err, objectstore.ErrNoBucket, verb)
	}
}

func TestACertificateOfAnUnknownAuthorityIsToldWithTheSettingForIt(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	b := objectstore.NewBucket(s3server.Client(server.URL, "us-east-1", "a", "b"), "any")
	_, err := b.Stat(t.Context(), "a")
	require.ErrorIs(t, err, objectstore.ErrUnavailable)
	require.ErrorContains(t, err, "certificate signed by unknown authority; AWS_CA_BUNDLE names")
}

func TestAServerThatIsAwayIsToldInAFewWords(t *testing.T) {
	b := objectstore.NewBucket(s3server.Client("http://127.0.0.1:1", "us-east-1", "a", "b"), "any")
	_, err := b.Stat(t.Context(), "a")
	require.EqualError(t, err, `stat a in bucket "any": S3 is not available (Head "http://127.0.0.1:1/any/a": dial tcp 127.0.0.1:1: connect: connection refused)`)
}

func TestConflictsAndSlowDownsAreTriedAgain(t *testing.T) {
	for _, status := range []int{409, 503} {
		var failures atomic.Int64
		b := s3test.Between(t, func(w http.ResponseWriter, r *http.Request) bool {
			return failures.Add(1)%4 != 0 && answerXML(w, r, status, "TryAgain")
		})
		key := fmt.Sprintf("again/%d", status)
		etag, err := b.Create(t.Context(), key, []byte("1"))
		require.NoError(t, err)
		require.EqualValues(t, 4, failures.Load())
		_, err = b.Replace(t.Context(), key, []byte("2"), etag)
		require.NoError(t, err)
		obj, err := b.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, "2", string(obj.Body))
	}
}

func TestOtherFailuresAreNotTriedAgain(t *testing.T) {
	var requests atomic.Int64
	b := s3test.Between(t, func(w http.ResponseWriter, r *http.Request) bool {
		requests.Add(1)
		return answerXML(w, r, 500, "InternalError")
	})
	for verb, call := range calls(t.Context(), b, "a") {
		requests.Store(0)
		require.Error(t, call())
		require.EqualValues(t, 1, requests.Load(), verb)
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	b := objectstore.NewBucket(s3server.Client("http://127.0.0.1:1", "us-east-1", "a", "b"), "main")
	for verb, call := range calls(t.Context(), b, "a") {
		err := call()
		require.ErrorIs(t, err, objectstore.ErrUnavailable, verb)
		require.ErrorContains(t, err, "connection refused", verb)
	}
}

func TestAServerThatNeverAnswers(t *testing.T) {
	b := s3test.Between(t, func(_ http.ResponseWriter, r *http.Request) bool {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		return true
	})
	b.SetPatience(50 * time.Millisecond)
	for verb, call := range calls(t.Context(), b, "a") {
		if verb != "CreateFrom" { // which waits some seconds longer for its size
			require.ErrorIs(t, call(), objectstore.ErrUnavailable, verb)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for verb, call := range calls(ctx, b, "a") {
		err := call()
		require.ErrorIs(t, err, context.Canceled, verb)
		require.NotErrorIs(t, err, objectstore.ErrUnavailable, "%s: the caller gave up, not the server", verb)
	}
}

func TestABodyThatStallsOrIsCutShort(t *testing.T) {
	for name, end := range map[string]func(r *http.Request){
		"stalls":       func(r *http.Request) { <-r.Context().Done() },
		"is cut short": func(*http.Request) {},
	} {
		t.Run(name, func(t *testing.T) {
			b := s3test.Between(t, func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Content-Length", "100")
				w.Write(make([]byte, 50))
				w.(http.Flusher).Flush()
				end(r)
				return true
			})
			b.SetPatience(50 * time.Millisecond)
			_, err := b.Get(t.Context(), "a")
			require.ErrorIs(t, err, objectstore.ErrUnavailable)
			require.NotErrorIs(t, err, objectstore.ErrCorrupt)
			b.SetPatience(5 * time.Second) // a busy machine answers within that
			r, _, err := b.Open(t.Context(), "a")
			require.NoError(t, err)
			defer r.Close()
			got, err := io.ReadAll(r)
			require.ErrorIs(t, err, objectstore.ErrUnavailable)
			require.Len(t, got, 50)
		})
	}
}

func TestAnAnswerThatIsNotS3(t *testing.T) {
	b := s3test.Between(t, func(w http.ResponseWriter, r *http.Request) bool {
		fmt.Fprint(w, "<html><body>Please log in to the hotel's network</body>")
		return true
	})
	_, err := b.List(t.Context(), "", "", 0)
	require.ErrorIs(t, err, objectstore.ErrUnavailable)
}

func TestAnObjectLargerThanGetAllows(t *testing.T) {
	b := s3test.Between(t, func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", fmt.Sprint(objectstore.MaxBody+1))
		return true
	})
	_, err := b.Get(t.Context(), "a")
	require.ErrorIs(t, err, objectstore.ErrTooLarge)
	_, err = b.Create(t.Context(), "a", make([]byte, objectstore.MaxBody+1))
	require.ErrorIs(t, err, objectstore.ErrTooLarge)
	_, err = b.CreateFrom(t.Context(), "a", strings.NewReader(""), objectstore.MaxUpload+1)
	require.ErrorIs(t, err, objectstore.ErrTooLarge)
}

func TestALargeBodyForATakenKeyIsReportedThoughTheServerHangsUp(t *testing.T) {
	b := s3test.Bucket(t)
	body := make([]byte, 8<<20)
	etag, err := b.CreateFrom(t.Context(), "taken", bytes.NewReader(body), int64(len(body)))
	require.NoError(t, err)
	_, err = b.Replace(t.Context(), "taken", body[1:], etag)
	require.NoError(t, err)
	for range 20 {
		_, err = b.CreateFrom(t.Context(), "taken", bytes.NewReader(body), int64(len(body)))
		require.ErrorIs(t, err, objectstore.ErrExists)
		_, err = b.Replace(t.Context(), "taken", body, etag)
		require.ErrorIs(t, err, objectstore.ErrChanged)
	}
}

type noCredentials struct{}

func (noCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{}, errors.New("no profile, no environment, no instance role")
}

func TestMissingCredentialsAreADenial(t *testing.T) {
	options := s3test.Server(t).Client().Options()
	options.Credentials = noCredentials{}
	b := objectstore.NewBucket(s3.New(options), "main")
	_, err := b.Get(t.Context(), "a")
	require.ErrorIs(t, err, objectstore.ErrDenied)
	require.ErrorContains(t, err, "no instance role")
}

func TestEnsureBucketMakesAVersionedBucketOnce(t *testing.T) {
	client := s3test.Server(t).Client()
	failures := make(chan error, 8)
	each(8, func(int) { failures <- objectstore.EnsureBucket(t.Context(), client, "ensured") })
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	is, err := client.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: aws.String("ensured")})
	require.NoError(t, err)
	require.EqualValues(t, "Enabled", is.Status)
}

func TestEnsureBucketTellsWhyItCannot(t *testing.T) {
	server := s3test.Server(t)
	for name, test := range map[string]struct {
		client *s3.Client
		bucket string
		want   error
	}{
		"a wrong secret":             {s3server.Client(server.Endpoint, "us-east-1", "test", "wrong"), "ensured", objectstore.ErrDenied},
		"an unknown access key":      {s3server.Client(server.Endpoint, "us-east-1", "nobody", "wrong"), "ensured", objectstore.ErrDenied},
		"a name that is no name":     {server.Client(), "Not_A_Bucket", objectstore.ErrNoBucket},
		"the region of another":      {s3server.Client(server.Endpoint, "eu-central-1", "test", "test-secret"), "ensured", objectstore.ErrNoBucket},
		"a server that is not S3":    {s3server.Client(notS3(t), "us-east-1", "a", "b"), "ensured", objectstore.ErrNoBucket},
		"a server that is not there": {s3server.Client("http://127.0.0.1:1", "us-east-1", "a", "b"), "ensured", objectstore.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			err := objectstore.EnsureBucket(t.Context(), test.client, test.bucket)
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, test.bucket)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func notS3(t *testing.T) string {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.URL
}
