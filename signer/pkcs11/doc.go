// Package pkcs11 opens keys in hardware security modules and smart cards. It needs cgo and is built with
// the tag pkcs11; without the tag it is empty, so that everything else stays pure Go.
//
//	token, err := pkcs11.Open(pkcs11.Config{Module: "/usr/lib/softhsm/libsofthsm2.so", Token: "university", PIN: pin})
//	defer token.Close()
//	key, err := token.Key("registrar-2026")
//
// A Key is a crypto.Signer and, with SignDigest, fits pades.Signer.Remote: a call that the module keeps
// waiting ends when the context does.
//
// A token that was away is opened again when it is back: its keys go on, as the same keys. A PIN that it
// refuses is not tried a second time. Signatures are checked before they are given out.
package pkcs11
