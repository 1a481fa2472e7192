package vcalm

import (
	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/service/vcalm"
)

// The schemas of the plane, as they are in the OpenAPI document: those of VCALM 1.0, as far
// as they are taken or answered here. Requests are refused where they have another member.

type members = map[string]*huma.Schema

func ref(name string) *huma.Schema { return &huma.Schema{Ref: "#/components/schemas/" + name} }

// closed is an object of these members alone.
func closed(m members, required ...string) *huma.Schema {
	return &huma.Schema{Type: "object", Properties: m, Required: required, AdditionalProperties: false}
}

// open is an object that may have further members.
func open(description string, m members, required ...string) *huma.Schema {
	return &huma.Schema{Type: "object", Description: description, Properties: m, Required: required, AdditionalProperties: true}
}

func word(description string, values ...string) *huma.Schema {
	s := &huma.Schema{Type: "string", Description: description}
	for _, v := range values {
		s.Enum = append(s.Enum, v)
	}
	return s
}

// short is a text that callers send.
func short(description string) *huma.Schema {
	most := maxText
	return &huma.Schema{Type: "string", Description: description, MaxLength: &most}
}

func isURL(description string) *huma.Schema {
	return &huma.Schema{Type: "string", Format: "uri", Description: description}
}

func instant(description string) *huma.Schema {
	return &huma.Schema{Type: "string", Format: "date-time", Description: description}
}

func truth(description string) *huma.Schema {
	return &huma.Schema{Type: "boolean", Description: description}
}

func list(description string, items *huma.Schema, most int) *huma.Schema {
	s := &huma.Schema{Type: "array", Description: description, Items: items}
	if most > 0 {
		s.MaxItems = &most
	}
	return s
}

func either(description string, s ...*huma.Schema) *huma.Schema {
	return &huma.Schema{Description: description, AnyOf: s}
}

func with(s *huma.Schema, description string) *huma.Schema {
	s.Description = description
	return s
}

// accepted is a list of what is accepted, by a member of that name or as texts.
func accepted(description, member string, more ...*huma.Schema) *huma.Schema {
	s := list(description, either("", append([]*huma.Schema{closed(members{member: word("")}, member)}, more...)...), 0)
	one := 1
	s.MinItems = &one
	return s
}

// some is a list that has an item.
func some(description string, items *huma.Schema) *huma.Schema {
	s := list(description, items, 0)
	one := 1
	s.MinItems = &one
	return s
}

// meantWord is a text that callers send, and that is not empty.
func meantWord(description string) *huma.Schema {
	s, one := short(description), 1
	s.MinLength = &one
	return s
}

func schemas() members {
	contexts := either("", word(""), list("", either("", word(""), open("", nil)), 0))
	types := either("", word(""), list("", word(""), 0))
	pointers := list("JSON pointers (RFC 6901)", short(""), maxPointers)
	query := either("", ref("VCQueryByExample"), ref("VCDIDAuthentication"), ref("VCDigitalCredentialQuery"))
	names := some("", short(""))
	return members{
		"VCInstances": closed(members{"issuers": list("", ref("VCInstance"), 0)}, "issuers"),
		"VCInstance": closed(members{"name": word("the `{issuer}` of paths"), "url": isURL("where its operations are"), "did": word("as credentials that it issues name it"),
			"keyType": word("", "Ed25519", "P-256", "P-384", "other"), "suite": word("the cryptosuite that it signs with, or vc+jwt")}, "name", "url", "did", "keyType", "suite"),

		"VCCredential": open("A credential without proof (VC Data Model 2.0, or 1.1). Every term in it is defined by a context that is known here, and its issuer is the instance's.",
			members{"@context": contexts, "type": types, "issuer": either("", word(""), open("", members{"id": word("")}, "id")), "credentialSubject": either("", open("", nil), list("", open("", nil), 0))}, "issuer", "credentialSubject"),
		"VCVerifiableCredential":   open("A credential with a proof, or an EnvelopedVerifiableCredential.", members{"@context": contexts, "type": types}, "@context", "type"),
		"VCVerifiablePresentation": open("A presentation.", members{"@context": contexts, "type": types, "holder": either("", word(""), open("", nil)), "verifiableCredential": either("", open("", nil), list("", open("", nil), 0))}, "@context", "type"),
		"VCIssueRequest": closed(members{"credential": ref("VCCredential"), "options": closed(members{
			"credentialId":      meantWord("what the status is changed by later; used once"),
			"mandatoryPointers": with(list("", short(""), maxPointers), "for ecdsa-sd-2023: JSON pointers to what every disclosure must contain"),
		})}, "credential"),
		"VCIssued": closed(members{"verifiableCredential": ref("VCVerifiableCredential")}, "verifiableCredential"),
		"VCDeriveRequest": closed(members{"verifiableCredential": open("with a base proof of ecdsa-sd-2023", nil), "options": closed(members{"selectivePointers": pointers})},
			"verifiableCredential"),
		"VCStatusRequest": closed(members{
			"credentialId": with(short(""), "as `options.credentialId` of issuing, or else the credential's `id`"),
			"credentialStatus": closed(members{"id": short(""), "type": word("", "BitstringStatusListEntry", "BitstringStatusList"), "statusPurpose": word("", "revocation"),
				"statusListIndex": short("compared, where it is there"), "statusListCredential": short("compared, where it is there")}, "type", "statusPurpose"),
			"status": truth("whether the credential is revoked"), "indexAllocator": short("not looked at"),
		}, "credentialId", "credentialStatus", "status"),
		"VCNothing":   closed(members{}),
		"VCChallenge": closed(members{"challenge": word("good for one presentation, and 15 minutes")}, "challenge"),
		"VCStatusListRequest": closed(members{"statusPurpose": word("", "revocation", "suspension"),
			"id": with(short(""), "the URL below the instance's `/status-lists/`, or its last part alone; absent: one of our choice"), "options": closed(members{})}, "statusPurpose"),
		"VCStatusList": closed(members{"id": isURL("where it is published"), "verifiableCredential": ref("VCVerifiableCredential")}, "id", "verifiableCredential"),

		"VCVerifyCredentialRequest": closed(members{"verifiableCredential": open("a credential with a proof, or an EnvelopedVerifiableCredential", nil), "options": closed(members{
			"returnResults": truth(""), "returnProblemDetails": truth(""), "returnCredential": truth(""),
			"checks": with(&huma.Schema{}, "without effect"), "domain": meantWord("without effect"), "challenge": meantWord("without effect")})}, "verifiableCredential"),
		"VCVerifyPresentationRequest": &huma.Schema{Type: "object", AdditionalProperties: false, Properties: members{
			"verifiablePresentation": open("a presentation with a proof, or an EnvelopedVerifiablePresentation", nil), "presentation": open("one without a proof: it is judged, and found to have none", nil),
			"options": closed(members{"challenge": meantWord("that the proof must have; one of `/challenges` counts once"), "domain": meantWord("that the proof must have"),
				"returnPresentation": truth(""), "returnResults": truth("they are there unless this is false"), "returnProblemDetails": truth("they are there unless this is false"), "checks": with(&huma.Schema{}, "without effect")}),
		}, OneOf: []*huma.Schema{{Required: []string{"verifiablePresentation"}}, {Required: []string{"presentation"}}}},
		"VCProblem":    closed(members{"type": word("of VCALM, the data model, or the specification of the proof or status"), "title": word(""), "detail": word("")}, "type", "title"),
		"VCTextResult": closed(members{"verified": truth(""), "input": word("")}, "verified", "input"),
		"VCObjectResult": closed(members{"value": with(&huma.Schema{Type: "integer", Format: "int64"}, "of a status entry: what its list says"), "verified": truth(""), "input": open("", nil),
			"problemDetails": list("", ref("VCProblem"), 0)}, "verified", "input"),
		"VCCredentialResults": closed(members{"validFrom": ref("VCTextResult"), "validUntil": ref("VCTextResult"), "credentialSchema": list("", ref("VCObjectResult"), 0),
			"credentialStatus": list("", ref("VCObjectResult"), 0), "proof": list("", ref("VCObjectResult"), 0)}),
		"VCCredentialResult": closed(members{"verified": truth("no error of cryptography, data model or context. Status and validity are in `problemDetails`: a revoked credential can be verified"),
			"credential": open("as it came, where it was asked for", nil), "problemDetails": list("", ref("VCProblem"), 0), "results": ref("VCCredentialResults")}, "verified"),
		"VCPresentationResult": closed(members{"verified": truth(""), "verifiablePresentation": open("as it came, where it was asked for", nil), "problemDetails": list("", ref("VCProblem"), 0),
			"results": closed(members{"presentation": closed(members{"challenge": ref("VCTextResult"), "domain": ref("VCTextResult"), "holder": ref("VCTextResult"), "proof": list("", ref("VCObjectResult"), 0)}),
				"credentials": list("", ref("VCCredentialResult"), 0)}, "presentation", "credentials")}, "verified"),

		"VCQueryByExample": closed(members{"type": either("", word("", "QueryByExample"), list("", word("", "QueryByExample"), 1)),
			"group": word("queries of one group are all needed; one group is enough"), "required": truth("false: changes nothing"),
			"credentialQuery": either("", ref("VCExample"), list("all of them are needed", ref("VCExample"), vcalm.MaxQueries))}, "type", "credentialQuery"),
		"VCExample": closed(members{"reason": word("for people"), "example": open("every member of it has to be there; an empty text asks for any value", nil),
			"acceptedIssuers":      accepted("", "id", word(""), list("", &huma.Schema{}, 0)),
			"acceptedCryptosuites": accepted("of embedded proofs", "cryptosuite", word(""), list("", &huma.Schema{}, 0)),
			"acceptedEnvelopes":    accepted("media types", "mediaType", word(""), list("", &huma.Schema{}, 0))}),
		"VCDIDAuthentication": closed(members{"type": either("", word("", "DIDAuthentication"), list("", word("", "DIDAuthentication"), 1)),
			"group": word(""), "required": truth("false: changes nothing"),
			"acceptedMethods": accepted("of the holder's DID", "method", list("", &huma.Schema{}, 0)), "acceptedCryptosuites": accepted("of the holder's proof", "cryptosuite", word(""), list("", &huma.Schema{}, 0))}, "type"),
		"VCDigitalCredentialQuery": closed(members{"type": either("", word("", "DigitalCredentialQueryLanguage"), list("", word("", "DigitalCredentialQueryLanguage"), 1)),
			"group": word("queries of one group are all needed; one group is enough"), "required": truth("false: changes nothing"),
			"credentials":     some("OpenID4VP 1.0, 6.1", ref("VCDCQLCredential")),
			"credential_sets": some("6.2: absent: all credentials are needed", closed(members{"options": some("one of them is needed", names), "required": truth("true unless it says otherwise; one set is required")}, "options"))}, "type", "credentials"),
		"VCDCQLCredential": closed(members{"id": short("letters, digits, _ and -"), "format": word("", "ldp_vc", "jwt_vc_json"), "multiple": truth("more than one credential may answer"),
			"require_cryptographic_holder_binding": truth("absent: true: a subject of the credential is who made the proof of the presentation"),
			"meta":                                 closed(members{"type_values": some("one of them is needed", some("IRIs of types that are all needed", short("")))}),
			"claims": some("6.3", closed(members{"id": short("needed where there are claim_sets"), "path": some("a claims path pointer (7)", &huma.Schema{AnyOf: []*huma.Schema{{Type: "string"}, {Type: "integer"}, {Type: "null"}}}),
				"values": some("one of them is needed, of the same type", &huma.Schema{AnyOf: []*huma.Schema{{Type: "string"}, {Type: "integer"}, {Type: "boolean"}}})}, "path")),
			"claim_sets": some("ids of claims; one set is needed. Absent: all claims are", names)}, "id", "format", "meta"),
		"VCExchangeRequest": closed(members{"expires": instant("within a day; absent: in 15 minutes"), "variables": either("", ref("VCClaimVariables"), ref("VCVerifyVariables"))}, "variables"),
		"VCClaimVariables":  closed(members{"credential": with(short(""), "of the workflow claim: the id of the issued credential that is handed out")}, "credential"),
		"VCVerifyVariables": closed(members{
			"verifiablePresentationRequest": closed(members{"query": either("", query, list("", query, vcalm.MaxQueries)), "domain": word("that of this service, if any")}, "query"),
			"allowUnprotectedPresentation":  truth("a presentation without a proof will do"), "redirectUrl": with(short(""), "an https URL where the wallet sends its holder afterwards")}, "verifiablePresentationRequest"),
		"VCExchangeMade": closed(members{"id": word("the last part of Location, which nobody can guess")}, "id"),
		"VCExchange": closed(members{"id": word(""), "state": word("", "pending", "active", "complete"), "step": word("", "claim", "verify"), "expires": instant(""), "sequence": &huma.Schema{Type: "integer"},
			"lastError": ref("VCProblem"), "variables": closed(members{"results": &huma.Schema{Type: "object", AdditionalProperties: ref("VCStepResults"), Description: "by the name of the step"}}, "results")},
			"id", "state", "step", "expires", "sequence", "variables"),
		"VCStepResults": closed(members{"did": word("the holder, where a proof shows who that is"), "verifiablePresentation": open("as it came", nil), "verifyPresentationResults": ref("VCPresentationResult"),
			"satisfiedQueries": list("the numbers of the queries that it meets, counted from 0", &huma.Schema{Type: "integer"}, 0),
			"dcqlMatches": list("what answers the queries in DCQL among them", closed(members{"query": with(&huma.Schema{Type: "integer"}, "its number"),
				"credentials": &huma.Schema{Type: "object", AdditionalProperties: list("", word(""), 0), Description: "by the id of the credential query: JSON pointers into the presentation"}}, "query", "credentials"), 0),
			"inviteRequest": closed(members{"inviteResponse": ref("VCInviteResponse")}, "inviteResponse")}),
		"VCParticipateRequest": closed(members{"verifiablePresentation": either("absent: what is asked for is answered", open("", nil), list("", open("", nil), 1)), "referenceId": short("changes nothing")}),
		"VCParticipateAnswer":  closed(members{"verifiablePresentationRequest": ref("VCPresentationRequest"), "verifiablePresentation": ref("VCVerifiablePresentation"), "redirectUrl": isURL("where the holder goes on")}),
		"VCCurrentRequest":     closed(members{"verifiablePresentationRequest": either("without members: nothing is asked for any more", ref("VCPresentationRequest"), closed(members{}))}, "verifiablePresentationRequest"),
		"VCPresentationRequest": closed(members{"query": list("", open("as it was asked for", members{"type": types}, "type"), 0), "challenge": word("for the proof"), "domain": word("for the proof"),
			"interact": closed(members{"service": list("", closed(members{"type": word(""), "serviceEndpoint": isURL("where the presentation goes")}, "type", "serviceEndpoint"), 0)}, "service")}, "query", "challenge", "domain", "interact"),
		"VCInviteResponse": closed(members{"url": with(short(""), "an https URL at which the wallet wants to go on: it is kept, not followed"), "purpose": short(""), "referenceId": short("")}, "url", "purpose", "referenceId"),
		"VCProtocols":      closed(members{"protocols": closed(members{"vcapi": isURL("the exchange"), "inviteRequest": isURL("where an invitation is answered")}, "vcapi", "inviteRequest")}, "protocols"),
	}
}

func jsonValue(s string) jsontext.Value { return jsontext.Value(s) }
