package fuzz

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

const emptySVG = `<svg xmlns="http://www.w3.org/2000/svg"/>`

func addImages(f *testing.F, add func([]byte)) {
	f.Helper()
	for _, b := range courtOf(f).texts {
		if s, err := chancery.Detect(b); err == nil && (s.MediaType == chancery.MediaPNG || s.MediaType == chancery.MediaSVG) {
			add(b)
		}
	}
	for _, v := range allVectors(f) {
		if v.Input.Base64 != nil {
			add(v.Input.Base64)
		}
	}
	add(pixel())
	add([]byte(emptySVG))
	add([]byte(`<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>`))
	add([]byte(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:o="https://purl.imsglobal.org/ob/v3p0"><o:credential verify="a.b.c"/></svg>`))
	add([]byte(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:o="http://openbadges.org"><o:assertion verify="https://example.org/1"></o:assertion></svg>`))
}

// FuzzUnbake: an image gives a payload of a known type that was in it, or an error.
func FuzzUnbake(f *testing.F) {
	addImages(f, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, b []byte) {
		inTime(t, func() {
			baked, err := badge.Unbake(bytes.NewReader(b))
			if (baked == nil) == (err == nil) {
				t.Fatal("both or neither")
			}
			if err == nil && (baked.Payload.MediaType == "" || len(baked.Payload.Bytes) == 0 || baked.Image == "") {
				t.Fatalf("incomplete: %+v", baked)
			}
		})
	})
}

// FuzzBake: whatever image takes a badge gives the same badge back; and an image that
// has one takes no second.
func FuzzBake(f *testing.F) {
	var payloads []chancery.Secured
	for _, b := range courtOf(f).texts {
		if baked, err := badge.Unbake(bytes.NewReader(b)); err == nil {
			payloads = append(payloads, baked.Payload)
		}
	}
	addImages(f, func(b []byte) {
		f.Add(b, uint8(0), false)
		f.Add(b, uint8(3), true)
	})
	f.Fuzz(func(t *testing.T, img []byte, which uint8, overwrite bool) {
		inTime(t, func() {
			s := payloads[int(which)%len(payloads)]
			var out bytes.Buffer
			if err := badge.Bake(&out, bytes.NewReader(img), s, badge.BakeOptions{Overwrite: overwrite}); err != nil {
				if out.Len() > 0 {
					t.Fatal("an error, and half an image")
				}
				return
			}
			back, err := badge.Unbake(bytes.NewReader(out.Bytes()))
			if err != nil {
				t.Fatalf("what was baked cannot be taken out: %v", err)
			}
			if !bytes.Equal(back.Payload.Bytes, s.Bytes) || back.Payload.MediaType != s.MediaType {
				t.Fatalf("baked %s %q, found %s %q", s.MediaType, s.Bytes, back.Payload.MediaType, back.Payload.Bytes)
			}
			if err := badge.Bake(new(bytes.Buffer), bytes.NewReader(out.Bytes()), s, badge.BakeOptions{}); err == nil {
				t.Fatal("baked twice")
			}
		})
	})
}

// FuzzBakePayload: whatever bytes are taken as a badge come back with the same
// meaning, from both kinds of images.
func FuzzBakePayload(f *testing.F) {
	addVectors(f, false)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := chancery.Detect(b)
		if err != nil {
			return
		}
		inTime(t, func() {
			for _, img := range [][]byte{pixel(), []byte(emptySVG)} {
				var out bytes.Buffer
				if badge.Bake(&out, bytes.NewReader(img), s, badge.BakeOptions{}) != nil {
					continue
				}
				back, err := badge.Unbake(bytes.NewReader(out.Bytes()))
				if err != nil {
					t.Fatalf("what was baked cannot be taken out: %v", err)
				}
				want, err1 := strictjson.Canonicalize(s.Bytes)
				got, err2 := strictjson.Canonicalize(back.Payload.Bytes)
				if err1 != nil || err2 != nil { // a JWT
					want, got = bytes.TrimSpace(s.Bytes), back.Payload.Bytes
				}
				if !bytes.Equal(want, got) {
					t.Fatalf("baked\n%s\nfound\n%s", want, got)
				}
			}
		})
	})
}

// FuzzCheck: every check of content ends in time with a bounded list of findings that
// can be written, and reading never fails.
func FuzzCheck(f *testing.F) {
	addVectors(f, false)
	addHostile(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := strictjson.Parse(b, strictjson.Limits{})
		if err != nil {
			return
		}
		inTime(t, func() {
			for _, profile := range []badge.Profile{badge.Strict, badge.OneEdTech} {
				lists := [][]badge.Finding{badge.Check(d, profile), badge.CheckOB2(d, profile), badge.CheckJWT(d, d, profile)}
				for _, findings := range lists {
					if len(findings) > 1000 {
						t.Fatalf("%d findings", len(findings))
					}
					if _, err := json.Marshal(findings); err != nil {
						t.Fatal(err)
					}
					for _, one := range findings {
						if one.Code == "" || one.Message == "" {
							t.Fatalf("a finding that says nothing: %+v", one)
						}
					}
				}
			}
			_, _ = badge.CheckSchema(d, 0)
			_, _ = badge.Endorsements(d, 0)
			_, _ = badge.Inner(d, 0)
			_ = badge.Read(d, 0)
			_ = badge.ReadAssertion(d, 0)
			_ = badge.ReadScope(d, 0)
			_ = badge.MatchIdentity(d, 0, "", "a@example.org")
		})
	})
}
