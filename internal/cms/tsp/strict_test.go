package tsp_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
)

func TestParseInfoStrict(t *testing.T) {
	a := newTSA(t, nil, nil)
	info := a.token(t, request()).Signed.Content
	s, err := cms.NewSigner(cms.SignerConfig{Certificate: a.leaf.Certificate, ContentType: cms.OIDTSTInfo})
	if err != nil {
		t.Fatal(err)
	}
	gen := []byte("20260301120000.123Z")
	if !bytes.Contains(info, gen) {
		t.Fatalf("genTime not found in %q", info)
	}
	for name, c := range map[string]struct{ from, to []byte }{
		"version 2":              {[]byte{2, 1, 1}, []byte{2, 1, 2}},
		"trailing zero":          {gen, []byte("20260301120000.120Z")},
		"comma":                  {gen, []byte("20260301120000,123Z")},
		"offset":                 {gen, []byte("2026030112000000+00")},
		"month 13":               {gen, []byte("20261301120000.123Z")},
		"second 60":              {gen, []byte("20260301120060.123Z")},
		"milliseconds over 999":  {[]byte{0x80, 2, 1, 0xf4}, []byte{0x80, 2, 3, 0xe8}},
		"milliseconds of 0":      {[]byte{0x80, 2, 1, 0xf4}, []byte{0x80, 2, 0, 0}},
		"accuracy tag unknown":   {[]byte{0x80, 2, 1, 0xf4}, []byte{0x83, 2, 1, 0xf4}},
		"imprint of wrong hash":  {[]byte{0x65, 3, 4, 2, 1}, []byte{0x65, 3, 4, 2, 3}},
		"imprint of no hash":     {[]byte{0x65, 3, 4, 2, 1}, []byte{0x65, 3, 4, 2, 9}},
		"nonce with extra zeros": {[]byte{2, 3, 0, 0xfe, 0xed}, []byte{2, 3, 0, 0, 0xed}},
	} {
		t.Run(name, func(t *testing.T) {
			bad := bytes.Replace(info, c.from, c.to, 1)
			if bytes.Equal(bad, info) {
				t.Fatal("nothing changed")
			}
			b, err := s.SignContent(context.Background(), cms.KeySigner(a.leaf.Key), bad)
			if err != nil {
				t.Fatal(err)
			}
			_, err = tsp.ParseToken(b)
			if !errors.Is(err, tsp.Malformed) && !errors.Is(err, tsp.Unsupported) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

// Extensions: a critical one is refused, others are listed, none may occur twice.
func TestExtensions(t *testing.T) {
	a := newTSA(t, nil, nil)
	info := a.token(t, request()).Signed.Content
	s, err := cms.NewSigner(cms.SignerConfig{Certificate: a.leaf.Certificate, Chain: a.leaf.Chain[:1], ContentType: cms.OIDTSTInfo})
	if err != nil {
		t.Fatal(err)
	}
	plain, critical := "\x30\x07\x06\x02\x2a\x03\x04\x01\x00", "\x30\x0a\x06\x02\x2a\x03\x01\x01\xff\x04\x01\x00"
	for name, c := range map[string]struct {
		exts string
		want tsp.Reason
	}{
		"plain": {plain, ""}, "critical": {critical, tsp.Unsupported}, "twice": {plain + plain, tsp.Malformed}, "empty": {"", tsp.Malformed},
		"garbage": {"\x05\x00", tsp.Malformed},
	} {
		body := append(bytes.Clone(info[3:]), append([]byte{0xa1, byte(len(c.exts))}, c.exts...)...)
		if info[1] != 0x81 {
			t.Fatal("TSTInfo is expected to need a two-octet header")
		}
		b, err := s.SignContent(context.Background(), cms.KeySigner(a.leaf.Key), append([]byte{0x30, 0x81, byte(len(body))}, body...))
		if err != nil {
			t.Fatal(err)
		}
		tok, err := tsp.ParseToken(b)
		if c.want != "" {
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tok.Verify(a.config()); err != nil || len(tok.Info.Extensions) != 1 {
			t.Fatalf("%v, %v", tok.Info.Extensions, err)
		}
	}
}

func TestParseTokenRefuses(t *testing.T) {
	a := newTSA(t, nil, nil)
	s, err := cms.NewSigner(cms.SignerConfig{Certificate: a.leaf.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.SignContent(context.Background(), cms.KeySigner(a.leaf.Key), a.token(t, request()).Signed.Content)
	if err != nil {
		t.Fatal(err)
	}
	_, err = tsp.ParseToken(b)
	want(t, err, tsp.NotTimestamp)
	s, err = cms.NewSigner(cms.SignerConfig{Certificate: a.leaf.Certificate, ContentType: cms.OIDTSTInfo})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = s.Sign(context.Background(), cms.KeySigner(a.leaf.Key), digest); err != nil {
		t.Fatal(err)
	}
	_, err = tsp.ParseToken(b)
	want(t, err, tsp.Malformed)
	_, err = tsp.ParseToken(make([]byte, tsp.MaxSize+1))
	want(t, err, tsp.TooLarge)
	_, err = tsp.ParseResponse(make([]byte, tsp.MaxSize+1))
	want(t, err, tsp.TooLarge)
	_, err = tsp.ParseResponse([]byte{0x30, 5, 0x30, 3, 2, 1, 0, 0})
	want(t, err, tsp.Malformed)
	r, err := tsp.ParseResponse([]byte{0x30, 5, 0x30, 3, 2, 1, 0})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Token(request())
	want(t, err, tsp.Malformed)
}
