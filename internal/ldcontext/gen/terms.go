package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A def is one entry of a context: a term and its definition.
type def struct {
	name  string
	value any
}

// The forms of a term definition. Their difference is one of bytes, not always of
// meaning, and the digests pin the bytes.
func plain(name, iri string) def  { return def{name, iri} }
func object(name, iri string) def { return def{name, map[string]any{"@id": iri}} }
func typed(name, iri, typ string) def {
	return def{name, map[string]any{"@id": iri, "@type": typ}}
}
func set(name, iri, typ string) def {
	m := map[string]any{"@id": iri, "@container": "@set"}
	if typ != "" {
		m["@type"] = typ
	}
	return def{name, m}
}

// scope defines a type (or property) with a context of its own.
func scope(name, iri string, defs ...def) def {
	return def{name, map[string]any{"@id": iri, "@context": object0(defs...)}}
}

func object0(defs ...def) map[string]any {
	m := make(map[string]any, len(defs))
	for _, d := range defs {
		if _, twice := m[d.name]; twice {
			panic("gen: term " + d.name + " twice in one table")
		}
		m[d.name] = d.value
	}
	return m
}

// document wraps definitions as a context document.
func document(defs ...def) map[string]any {
	return map[string]any{"@context": object0(defs...)}
}

var (
	protected = def{"@protected", true}
	idAlias   = plain("id", "@id")
	typeAlias = plain("type", "@type")
)

// An edit changes a context document that was taken from somewhere else.
type edit struct {
	in   string // names of the terms whose scoped contexts lead there, "/"-separated; "" is the top
	put  *def
	drop string
}

func put(in string, d def) edit { return edit{in: in, put: &d} }
func drop(in, name string) edit { return edit{in: in, drop: name} }
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = clone(e)
		}
		return m
	case []any:
		a := slices.Clone(v)
		for i := range a {
			a[i] = clone(a[i])
		}
		return a
	}
	return v
}

// apply returns a changed copy of a context document. Dropping what is not there,
// and reaching into a term without a context, are errors: the base is not what the
// table was written for.
func apply(base map[string]any, edits []edit) (map[string]any, error) {
	doc := clone(base).(map[string]any)
	for _, e := range edits {
		ctx, ok := doc["@context"].(map[string]any)
		if e.in != "" {
			for name := range strings.SplitSeq(e.in, "/") {
				var term map[string]any
				if term, ok = ctx[name].(map[string]any); ok {
					ctx, ok = term["@context"].(map[string]any)
				}
				if !ok {
					break
				}
			}
		}
		if !ok {
			return nil, fmt.Errorf("gen: expected a context inside %q, found none", e.in)
		}
		if e.put != nil {
			ctx[e.put.name] = e.put.value
			continue
		}
		if _, ok := ctx[e.drop]; !ok {
			return nil, fmt.Errorf("gen: expected term %q inside %q, found %v", e.drop, e.in, slices.Sorted(maps.Keys(ctx)))
		}
		delete(ctx, e.drop)
	}
	return doc, nil
}

const (
	sec = "https://w3id.org/security#"
	xsd = "http://www.w3.org/2001/XMLSchema#"
	obi = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"
	clr = "https://purl.imsglobal.org/spec/vc/clr/vocab.html#"
)

// relations are the verification relationships of Controlled Identifiers 1.0.
func relations() []def {
	return []def{
		set("assertionMethod", sec+"assertionMethod", "@id"),
		set("authentication", sec+"authenticationMethod", "@id"),
		set("capabilityDelegation", sec+"capabilityDelegationMethod", "@id"),
		set("capabilityInvocation", sec+"capabilityInvocationMethod", "@id"),
		set("keyAgreement", sec+"keyAgreementMethod", "@id"),
	}
}

// keyLife are the properties every verification method of that specification has.
func keyLife(more ...def) []def {
	return append([]def{
		protected, idAlias, typeAlias,
		typed("controller", sec+"controller", "@id"),
		typed("revoked", sec+"revoked", xsd+"dateTime"),
		typed("expires", sec+"expiration", xsd+"dateTime"),
	}, more...)
}

func jsonWebKey() def {
	return scope("JsonWebKey", sec+"JsonWebKey", keyLife(
		typed("publicKeyJwk", sec+"publicKeyJwk", "@json"),
		typed("secretKeyJwk", sec+"secretKeyJwk", "@json"))...)
}

func multikey() def {
	return scope("Multikey", sec+"Multikey", keyLife(
		typed("publicKeyMultibase", sec+"publicKeyMultibase", sec+"multibase"),
		typed("secretKeyMultibase", sec+"secretKeyMultibase", sec+"multibase"))...)
}

func cidV1() map[string]any {
	const did = "https://www.w3.org/ns/did#"
	return document(append(relations(),
		protected, idAlias, typeAlias,
		typed("alsoKnownAs", "https://www.w3.org/ns/activitystreams#alsoKnownAs", "@id"),
		typed("controller", sec+"controller", "@id"),
		def{"service", map[string]any{"@id": did + "service", "@type": "@id", "@context": object0(
			protected, idAlias, typeAlias, typed("serviceEndpoint", did+"serviceEndpoint", "@id"))}},
		typed("verificationMethod", sec+"verificationMethod", "@id"),
		multikey(), jsonWebKey())...)
}

// jws2020 has the proof properties of the suites of its time, with a JWS as value.
func jws2020() map[string]any {
	purpose := map[string]any{"@id": sec + "proofPurpose", "@type": "@vocab", "@context": object0(append(relations(), protected, idAlias, typeAlias)...)}
	return document(
		plain("privateKeyJwk", sec+"privateKeyJwk"),
		scope("JsonWebKey2020", sec+"JsonWebKey2020", protected, idAlias, typeAlias, plain("publicKeyJwk", sec+"publicKeyJwk")),
		scope("JsonWebSignature2020", sec+"JsonWebSignature2020", protected, idAlias, typeAlias,
			plain("challenge", sec+"challenge"),
			typed("created", "http://purl.org/dc/terms/created", xsd+"dateTime"),
			plain("domain", sec+"domain"),
			typed("expires", sec+"expiration", xsd+"dateTime"),
			plain("jws", sec+"jws"),
			plain("nonce", sec+"nonce"),
			def{"proofPurpose", purpose},
			typed("verificationMethod", sec+"verificationMethod", "@id")))
}

// clr20 is the first CLR 2.0 context; those of 2.0.1 are edits of it.
func clr20() map[string]any {
	return document(idAlias, typeAlias,
		scope("ClrCredential", clr+"ClrCredential", idAlias, typeAlias),
		scope("ClrSubject", clr+"ClrSubject", idAlias, typeAlias,
			plain("cred", "https://www.w3.org/2018/credentials#"),
			plain("obi", "https://purl.imsglobal.org/spec/ob/v3p0/vocab.html#"),
			set("achievement", clr+"achievement", "obi:Achievement"),
			set("association", clr+"association", clr+"Association"),
			set("verifiableCredential", clr+"verifiableCredential", "cred:verifiableCredential")),
		scope("Association", clr+"Association",
			object("associationType", clr+"AssociationType"),
			typed("sourceId", clr+"sourceId", "xsd:anyURI"),
			typed("targetId", clr+"targetId", "xsd:anyURI")))
}
