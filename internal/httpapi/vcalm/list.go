package vcalm

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/internal/service"
)

const under = "/vc/{issuer}"
const exchanges = under + "/workflows/{workflow}/exchanges"

// operations are all that the plane offers.
func (h *handler) operations() []operation {
	replayed := map[string]string{"Idempotency-Replayed": "true where a repeated call gets the answer of the first"}
	made := map[string]string{"Location": "where it is found", "Idempotency-Replayed": replayed["Idempotency-Replayed"]}
	return []operation{
		{method: "GET", path: "/vc", run: h.listing, open: true, scope: service.MayRead, id: "listVCInstances", summary: "List the instances of the W3C plane",
			text: "Those of the configuration; and with a key of the scope `read`, the caller's own issuers, each of which is an instance.",
			out:  []result{{status: 200, text: "the instances", bodies: []payload{{schema: "VCInstances", example: exampleInstances}}}}},
		{method: "POST", path: under + "/credentials/issue", run: h.issue, scope: service.MayIssue, creates: true, id: "vcIssueCredential", summary: "Issue a credential (VCALM 3.2.1)",
			text: "Signs what is handed in, by the key of the issuer. Where it has no `credentialStatus`, one is added.",
			in:   &payload{schema: "VCIssueRequest", example: exampleIssue}, fails: []int{402},
			out: []result{{status: 201, text: "issued", headers: replayed, bodies: []payload{{schema: "VCIssued", example: `{"verifiableCredential":` + exampleVC + `}`}}}}},
		{method: "POST", path: under + "/credentials/verify", run: h.verifyCredential, scope: service.MayRead, id: "vcVerifyCredential", summary: "Verify a credential (VCALM 3.3.1)",
			text: "`verified` speaks of cryptography, data model and contexts. The stricter verdict, which knows of revocation, is that of `POST /v1/verify`.",
			in:   &payload{schema: "VCVerifyCredentialRequest", example: `{"verifiableCredential":` + exampleVC + `,"options":{"returnProblemDetails":true,"returnResults":true}}`},
			out: judged("VCCredentialResult",
				`{"verified":true,"problemDetails":[],"results":{"validFrom":{"verified":true,"input":"2026-05-10T08:00:00Z"},"proof":[{"verified":true,"input":`+exampleProof+`}]}}`)},
		{method: "POST", path: under + "/presentations/verify", run: h.verifyPresentation, scope: service.MayRead, id: "vcVerifyPresentation", summary: "Verify a presentation (VCALM 3.3.2)",
			in: &payload{schema: "VCVerifyPresentationRequest", example: `{"verifiablePresentation":` + exampleVP + `,"options":{"challenge":"` + exampleChallenge + `","domain":"shop.example"}}`},
			out: judged("VCPresentationResult",
				`{"verified":true,"problemDetails":[],"results":{"presentation":{"challenge":{"verified":true,"input":"`+exampleChallenge+`"},"holder":{"verified":true,"input":"`+exampleHolder+`"}},"credentials":[{"verified":true,"problemDetails":[]}]}}`)},
		{method: "POST", path: under + "/credentials/derive", run: h.derive, scope: service.MayRead, id: "vcDeriveCredential", summary: "Disclose a part of a credential (VCALM 3.5.1)",
			text: "For its holder: of a credential with a base proof of ecdsa-sd-2023, what its issuer made mandatory, and what the pointers select.",
			in:   &payload{schema: "VCDeriveRequest", example: `{"verifiableCredential":` + exampleBase + `,"options":{"selectivePointers":["/credentialSubject/name"]}}`},
			out:  []result{{status: 201, text: "what is disclosed", bodies: []payload{{schema: "VCIssued", example: `{"verifiableCredential":` + exampleDisclosed + `}`}}}}},
		{method: "POST", path: under + "/credentials/status", run: h.status, scope: service.MayStatus, fails: []int{409}, id: "vcUpdateStatus", summary: "Revoke what was issued here, or take that back (VCALM, Update Status)",
			text: "When it is answered, the list is published.",
			in:   &payload{schema: "VCStatusRequest", example: `{"credentialId":"urn:uuid:` + exampleIssuer + `","credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation"},"status":true}`},
			out:  []result{{status: 200, text: "done and published"}}},
		{method: "POST", path: under + "/challenges", run: h.challenge, scope: service.MayRead, optional: true, id: "vcCreateChallenge", summary: "Draw a challenge (VCALM 3.3.3)",
			in: &payload{schema: "VCNothing", example: `{}`}, out: []result{{status: 200, text: "the challenge", bodies: []payload{{schema: "VCChallenge", example: `{"challenge":"` + exampleChallenge + `"}`}}}}},
		{method: "POST", path: under + "/status-lists", run: h.addStatusList, scope: service.MayStatus, creates: true, id: "vcCreateStatusList", summary: "Begin a status list",
			in:  &payload{schema: "VCStatusListRequest", example: `{"statusPurpose":"revocation"}`},
			out: []result{{status: 201, text: "published", headers: made, bodies: []payload{{schema: "VCStatusList", example: `{"id":"https://chancery.example/vc/` + exampleIssuer + `/status-lists/7","verifiableCredential":` + exampleVC + `}`}}}}},
		{method: "GET", path: under + "/status-lists/{id}", run: h.statusList, open: true, id: "vcGetStatusList", summary: "Read a status list",
			text: "For anybody: verifiers fetch it.",
			out:  []result{{status: 200, text: "a signed Bitstring Status List credential", headers: map[string]string{"ETag": "SHA-256 of the bytes, in hexadecimal"}, bodies: []payload{{schema: "VCVerifiableCredential", example: exampleVC}, {media: "application/vc", schema: "VCVerifiableCredential", example: exampleVC}}}, {status: 304, text: "as the ETag in If-None-Match says"}}},

		{method: "POST", path: exchanges, run: h.createExchange, scope: service.MayRead, creates: true, id: "vcCreateExchange", summary: "Begin an exchange with a wallet (VCALM 3.6.3)",
			text: "`claim` hands out an issued credential, once, to whoever shows that he holds the key of a DID: for that the key's scope is `issue`. `verify` asks a wallet for a presentation, and is complete when one comes that verifies and meets the queries.",
			in:   &payload{schema: "VCExchangeRequest", example: exampleExchangeRequest},
			out:  []result{{status: 201, text: "begun", headers: made, bodies: []payload{{schema: "VCExchangeMade", example: `{"id":"` + exampleExchange + `"}`}}}}},
		{method: "GET", path: exchanges + "/{id}", run: h.exchange, scope: service.MayRead, id: "vcGetExchange", summary: "Read how an exchange stands (VCALM 3.6.7)",
			text: "For its coordinator: what was presented, and how it was judged.",
			out:  []result{{status: 200, text: "as it stands", bodies: []payload{{schema: "VCExchange", example: exampleState}}}}},
		{method: "POST", path: exchanges + "/{id}", run: h.participate, open: true, optional: true, fails: []int{409}, id: "vcParticipate", summary: "Make the wallet's next step (VCALM 3.6.6)",
			text: "Without a presentation the answer says what is asked for. With one it has the credential, of `claim`, or where the holder goes on, if anywhere. A presentation that is refused leaves the exchange open. Whoever knows the address may.",
			in:   &payload{schema: "VCParticipateRequest", example: `{}`},
			out:  []result{{status: 200, text: "what is asked for, the credential, or where to go on", bodies: []payload{{schema: "VCParticipateAnswer", example: exampleAsks}}}}},
		{method: "GET", path: exchanges + "/{id}/protocols", run: h.protocols, open: true, id: "vcGetProtocols", summary: "Read the protocols of an exchange (VCALM 3.6.4)",
			text: "For a wallet that knows the address of the exchange.",
			out:  []result{{status: 200, text: "by their names", bodies: []payload{{schema: "VCProtocols", example: exampleProtocols}}}}},
		{method: "GET", path: exchanges + "/{id}/request", run: h.request, open: true, id: "vcGetRequest", summary: "Read what an exchange asks for (VCALM 3.6.5)",
			text: "For a wallet: what it will be asked, before it makes a step.",
			out:  []result{{status: 200, text: "as an empty step is answered, without a step", bodies: []payload{{schema: "VCCurrentRequest", example: exampleAsks}}}}},
		{method: "POST", path: exchanges + "/{id}/invite-request/response", run: h.invited, open: true, fails: []int{409}, id: "vcAnswerInvitation", summary: "Answer an invitation (VCALM 3.7.5)",
			text: "A wallet, or the site that was invited, says where the holder is to go on. The coordinator finds it in the exchange.",
			in:   &payload{schema: "VCInviteResponse", example: `{"url":"https://wallet.example/go","purpose":"verify","referenceId":"` + exampleIssuer + `"}`},
			out:  []result{{status: 200, text: "kept for the coordinator"}}},
		{method: "GET", path: "/interactions/{id}", run: h.interaction, open: true, id: "vcGetInteraction", summary: "Follow an interaction URL (VCALM 3.7)",
			text:  "Of an exchange, or of a public credential, for which one is begun. A page for people, where Accept prefers one.",
			query: []*huma.Param{{Name: "iuv", In: "query", Required: true, Description: "the version of interaction URLs", Schema: word("", "1"), Example: "1"}},
			out:   []result{{status: 200, text: "the protocols, or a page", bodies: []payload{{schema: "VCProtocols", example: exampleProtocols}, {media: "text/html", example: "<!DOCTYPE html>…"}}}}},
	}
}

// judged are the answers of a verification, by the instance's failureStatus.
func judged(schema, example string) []result {
	return []result{
		{status: 200, text: "the result", bodies: []payload{{schema: schema, example: example}}},
		{status: 400, text: "the request is malformed; or `verified` is false, at an instance whose `failureStatus` is 400", bodies: []payload{{schema: schema + "|Problem", example: `{"verified":false}`}, {media: "application/problem+json", schema: "Problem", example: exampleProblem}}},
	}
}

// Examples of the OpenAPI document.
const (
	exampleIssuer    = "0192f0c4-7b1e-7c3a-9d52-6f0e8a1b2c3d"
	exampleExchange  = "z9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	exampleChallenge = "z2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
	exampleHolder    = "did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH"
	exampleDID       = "did:web:chancery.example:i:academy"
	exampleAddress   = "https://chancery.example/vc/" + exampleIssuer + "/workflows/verify/exchanges/" + exampleExchange

	exampleBody  = `"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"` + exampleDID + `","validFrom":"2026-05-10T08:00:00Z","name":"Safety Training","credentialSubject":{"id":"` + exampleHolder + `","name":"Aina Rahman"}`
	exampleIssue = `{"credential":{` + exampleBody + `},"options":{"credentialId":"urn:uuid:` + exampleIssuer + `"}}`
	exampleProof = `{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","created":"2026-05-10T08:00:00Z","verificationMethod":"` + exampleDID + `#k1","proofPurpose":"assertionMethod","proofValue":"z3FXQjecWufY46yg5abdVZsXqLhxhueuSoZgNSARiKBk9czhSePTFehP8c3PGfb6a22gkfUKods5D2UAUL5n2Brbx"}`
	exampleVC    = `{` + exampleBody + `,"proof":` + exampleProof + `}`
	// A base credential and what of it is disclosed, as they were made: the first is accepted.
	exampleSelective = `{"id":"urn:uuid:1574bdb4-238d-437b-8a32-e09ca2d21f11","issuer":"did:key:zDnaedsUwdmxojZLwLoaGDDdroHEcLqo4mbsknCk5RXWR7tLU","@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"validFrom":"2026-05-10T08:00:00Z","name":"Safety Training","credentialSubject":{"id":"did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH","name":"Aina Rahman"},"proof":{"type":"DataIntegrityProof","cryptosuite":"ecdsa-sd-2023","created":"2026-11-23T13:18:25Z","verificationMethod":"did:key:zDnaedsUwdmxojZLwLoaGDDdroHEcLqo4mbsknCk5RXWR7tLU#zDnaedsUwdmxojZLwLoaGDDdroHEcLqo4mbsknCk5RXWR7tLU","proofPurpose":"assertionMethod","proofValue":"`
	exampleBase      = exampleSelective + `u2V0AhVhAmo1PmeenGPxmiErZBVj2nmGqMppSy8RxBTR4YbCMS_ggS6HrE-iD8SpAhCEUFAnZVKHEa9xxv0GLafEtzTx7VFgjgCQCkkoYyjZssW5HxW3v9PJY9nHBMJG1EayNcKeZ5CsE25NYILuyB11sB4RL2ZwxyFsd_uyRexFcry2fdX58X3mLu4aZglhAtv14H2Fk3ZLShyLJ610IRxat9UHy4QmFP2dDALLffWch83rAgxAQKqPRca1oOnj3ih5PGcmU6tXiAGPdScItl1hAwsFIv3du4lwrrUP4gCu1y-yYFNwd5WNDU_WO2x-UNkw-cAgkiocqJVlBvJ3GCM8r86KVfQ3wlHfCcS8AjQ8v4YRlL3R5cGVnL2lzc3VlcmovdmFsaWRGcm9tZS9uYW1l"}}`
	exampleDisclosed = exampleSelective + `u2V0BhVhAmo1PmeenGPxmiErZBVj2nmGqMppSy8RxBTR4YbCMS_ggS6HrE-iD8SpAhCEUFAnZVKHEa9xxv0GLafEtzTx7VFgjgCQCkkoYyjZssW5HxW3v9PJY9nHBMJG1EayNcKeZ5CsE25OCWEC2_XgfYWTdktKHIsnrXQhHFq31QfLhCYU_Z0MAst99ZyHzesCDEBAqo9FxrWg6ePeKHk8ZyZTq1eIAY91Jwi2XWEDCwUi_d27iXCutQ_iAK7XL7JgU3B3lY0NT9Y7bH5Q2TD5wCCSKhyolWUG8ncYIzyvzopV9DfCUd8JxLwCNDy_hoIQBAgQF"}}`
	exampleVP        = `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"` + exampleHolder + `","verifiableCredential":[` + exampleVC + `],"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","created":"2026-05-10T08:10:00Z","verificationMethod":"` + exampleHolder + `#z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH","proofPurpose":"authentication","challenge":"` + exampleChallenge + `","domain":"shop.example","proofValue":"z3FXQjecWufY46yg5abdVZsXqLhxhueuSoZgNSARiKBk9czhSePTFehP8c3PGfb6a22gkfUKods5D2UAUL5n2Brbx"}}`
	exampleInstances = `{"issuers":[{"name":"` + exampleIssuer + `","url":"https://chancery.example/vc/` + exampleIssuer + `","did":"` + exampleDID + `","keyType":"Ed25519","suite":"eddsa-rdfc-2022"}]}`
	exampleProtocols = `{"protocols":{"vcapi":"` + exampleAddress + `","inviteRequest":"` + exampleAddress + `/invite-request/response"}}`
	exampleProblem   = `{"type":"https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR","title":"MALFORMED_VALUE_ERROR","status":400,"detail":"what was expected","instance":"/vc/` + exampleIssuer + `/credentials/verify","code":"MALFORMED_BODY","message":"what was expected","requestId":"` + exampleIssuer + `"}`

	exampleQuery           = `{"type":"QueryByExample","credentialQuery":{"reason":"To let you in.","example":{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"credentialSubject":{"name":""}},"acceptedIssuers":[{"id":"` + exampleDID + `"}]}}`
	exampleExchangeRequest = `{"variables":{"verifiablePresentationRequest":{"query":[{"type":"DIDAuthentication","acceptedMethods":[{"method":"key"}]},` + exampleQuery + `]},"redirectUrl":"https://shop.example/thanks"}}`
	exampleAsks            = `{"verifiablePresentationRequest":{"query":[` + exampleQuery + `],"challenge":"` + exampleChallenge + `","domain":"chancery.example","interact":{"service":[{"type":"UnmediatedHttpPresentationService2021","serviceEndpoint":"` + exampleAddress + `"}]}}}`
	exampleState           = `{"id":"` + exampleExchange + `","state":"complete","step":"verify","expires":"2026-05-10T08:30:00Z","sequence":2,"variables":{"results":{"verify":{"did":"` + exampleHolder + `","satisfiedQueries":[0],"verifyPresentationResults":{"verified":true,"problemDetails":[]},"verifiablePresentation":` + exampleVP + `}}}}`
)
