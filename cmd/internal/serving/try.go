package serving

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// tryTime bounds the trial of one part.
const tryTime = 15 * time.Second

// Try finds out whether what the configuration names works, also what a start does without:
// the mail server, the chain's nodes, the timestamping authority, the OpenID providers. Each part that fails is an
// error under the name of its settings. Nothing is mailed, and nothing sent to the chain.
func (in *Installation) Try(ctx context.Context) error {
	p := in.parts
	tries := []struct {
		name string
		try  func(context.Context) error
	}{{"database", p.Store.Ready}, {"blobs", in.tryFiles}, {"masterKey", in.Core.SignerReady}}
	add := func(name string, try func(context.Context) error) {
		tries = append(tries, struct {
			name string
			try  func(context.Context) error
		}{name, try})
	}
	if m, ok := p.Mailer.(interface{ Check(context.Context) error }); ok {
		add("mail", m.Check)
	}
	if p.TSA != nil {
		add("tsa", func(ctx context.Context) error {
			_, err := p.TSA.Timestamp(ctx, crypto.SHA256, make([]byte, crypto.SHA256.Size()))
			return err
		})
	}
	if p.Chain != nil {
		add("chain", func(ctx context.Context) error {
			_, err := p.Chain.NextNonce(ctx)
			return err
		})
	}
	if in.oidc != nil {
		add("oidc", in.oidc.Check)
	}
	errs := make([]error, len(tries))
	var wg sync.WaitGroup
	for i, t := range tries {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, tryTime)
			defer cancel()
			if err := t.try(ctx); err != nil {
				errs[i] = fmt.Errorf("%s: %w", t.name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
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
