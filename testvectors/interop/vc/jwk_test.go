package vc_test

import (
	"crypto"

	"github.com/go-jose/go-jose/v4"
)

func jwkOf(key crypto.Signer) ([]byte, error) {
	return jose.JSONWebKey{Key: key}.MarshalJSON()
}
