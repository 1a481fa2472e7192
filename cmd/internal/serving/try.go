package serving

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"
)

// tryTime bounds the trial of one part.
const tryTime = 15 * time.Second

// trial finds out whether what some settings name works.
type trial struct {
	settings string
	try      func(context.Context) error
}

// Try finds out whether what the configuration names works, also what a start does without:
// the mail server, each of the chain's nodes, the timestamping authority, the OpenID
// providers. Each part that fails is an error under the name of its settings. Nothing is
// mailed, and nothing sent to the chain. What hinders only some callers is a warning in the log.
func (in *Installation) Try(ctx context.Context) error {
	in.tenantsOfTokens(ctx)
	p := in.parts
	tries := append([]trial{{"database", p.Store.Ready}, {"blobs", in.tryFiles}, {"data", in.tryData}, {"masterKey", in.Core.SignerReady}}, in.trials...)
	if m, ok := p.Mailer.(interface{ Check(context.Context) error }); ok {
		tries = append(tries, trial{"mail", m.Check})
	}
	if p.TSA != nil {
		tries = append(tries, trial{"tsa", func(ctx context.Context) error {
			return second(p.TSA.Timestamp(ctx, crypto.SHA256, make([]byte, crypto.SHA256.Size())))
		}})
	}
	errs := make([]error, len(tries))
	var wg sync.WaitGroup
	for i, t := range tries {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, tryTime)
			defer cancel()
			if err := t.try(ctx); err != nil {
				errs[i] = fmt.Errorf("%s: %w", t.settings, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// tryData writes into the directory that uploads and files on their way are kept in.
func (in *Installation) tryData(context.Context) error {
	f, err := os.CreateTemp(in.Config.Data, "try-")
	if err != nil {
		return err
	}
	_, err = f.WriteString("chancery config check")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// tryFiles tries the files. A client of S3 tries again until its time is over, and then says
// no more than that: what the server answers to others tells why.
func (in *Installation) tryFiles(ctx context.Context) error {
	bound, cancel := context.WithTimeout(ctx, tryTime*2/3)
	defer cancel()
	try := in.parts.Blobs.Ready
	if thorough, ok := in.parts.Blobs.(interface{ Check(context.Context) error }); ok {
		try = thorough.Check
	}
	err := try(bound)
	s3 := in.Config.Blobs.S3
	if err == nil || in.Config.Blobs.Kind != "s3" || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	roots, rerr := authorities(s3.CA)
	if rerr != nil {
		return errors.Join(err, rerr)
	}
	client := httpClient()
	client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	client.Timeout = min(s3.Timeout, tryTime/3)
	res, herr := client.Get(s3.Endpoint)
	if herr != nil {
		return fmt.Errorf("%w; the endpoint: %w", err, herr)
	}
	res.Body.Close()
	return fmt.Errorf("%w; the endpoint answers %d", err, res.StatusCode)
}
