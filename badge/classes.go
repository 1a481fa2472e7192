package badge

import (
	"strings"
	"sync"
)

// classTable lists the classes of Open Badges 3.0 and CLR 2.0 with their properties.
// One table feeds both the checks of this package and the JSON Schemas, so that the
// two cannot drift.
//
// A line that is not indented begins a class; "closed" forbids other properties. The
// property lines give a name with "!" when it is required and "*" when it is a list,
// then its kind: a class, or one of
//
//	text       a string; in JSON-LD also a map from language to string
//	time date  of RFC 3339
//	jws lang   compact JWS; BCP 47 language tag
//	number bool
//	types      the class's own type, among others
//	type       the class's own type, alone
//	vocab:X    a term of vocabulary X
//	context    list of contexts
//	any        an object, of which nothing more is asked
//
// "/" separates alternatives, and "1" after "*" allows a single value in both flavours.
const classTable = `
AchievementCredential
	@context! context
	id! text
	type! types
	name text
	description text
	image Image
	awardedDate time
	credentialSubject! AchievementSubject
	endorsement* EndorsementCredential
	endorsementJwt* jws
	issuer! Profile/text
	validFrom! time
	validUntil time
	proof*1 Proof
	credentialSchema*1 CredentialSchema
	credentialStatus CredentialStatus
	refreshService RefreshService
	termsOfUse*1 TermsOfUse
	evidence* Evidence
EndorsementCredential
	@context! context
	id! text
	type! types
	name! text
	description text
	awardedDate time
	credentialSubject! EndorsementSubject
	issuer! Profile/text
	validFrom! time
	validUntil time
	proof*1 Proof
	credentialSchema*1 CredentialSchema
	credentialStatus CredentialStatus
	refreshService RefreshService
	termsOfUse*1 TermsOfUse
	evidence* Evidence
ClrCredential
	@context! context
	id! text
	type! types
	name! text
	description text
	image Image
	awardedDate time
	partial bool
	credentialSubject! ClrSubject
	endorsement* EndorsementCredential
	endorsementJwt* jws
	issuer! Profile/text
	validFrom! time
	validUntil time
	proof*1 Proof
	credentialSchema*1 CredentialSchema
	credentialStatus CredentialStatus
	refreshService RefreshService
	termsOfUse*1 TermsOfUse
	evidence* Evidence
ClrSubject
	id text
	type! types
	identifier* IdentityObject
	achievement* Achievement
	verifiableCredential!* any
	association* Association
Association closed
	type! type
	associationType! vocab:associationType
	sourceId! text
	targetId! text
AchievementSubject
	id text
	type! types
	activityEndDate time
	activityStartDate time
	creditsEarned number
	achievement! Achievement
	identifier* IdentityObject
	image Image
	licenseNumber text
	narrative text
	result* Result
	role text
	source Profile
	term text
EndorsementSubject
	id! text
	type! types
	endorsementComment text
Achievement
	id! text
	type! types
	alignment* Alignment
	achievementType vocab:achievementType
	creator Profile
	creditsAvailable number
	criteria! Criteria
	description! text
	endorsement* EndorsementCredential
	endorsementJwt* jws
	fieldOfStudy text
	humanCode text
	image Image
	inLanguage lang
	name! text
	otherIdentifier* IdentifierEntry
	related* Related
	resultDescription* ResultDescription
	specialization text
	tag* text
	version text
Criteria
	id text
	narrative text
Alignment
	type! types
	targetCode text
	targetDescription text
	targetName! text
	targetFramework text
	targetType vocab:targetType
	targetUrl! text
Result
	type! types
	achievedLevel text
	alignment* Alignment
	resultDescription text
	status vocab:status
	value text
ResultDescription
	id! text
	type! types
	alignment* Alignment
	allowedValue* text
	name! text
	requiredLevel text
	requiredValue text
	resultType! vocab:resultType
	rubricCriterionLevel* RubricCriterionLevel
	valueMax text
	valueMin text
RubricCriterionLevel
	id! text
	type! types
	alignment* Alignment
	description text
	level text
	name! text
	points text
Related
	id! text
	type! types
	inLanguage lang
	version text
Evidence
	id text
	type! types
	narrative text
	name text
	description text
	genre text
	audience text
Image closed
	id! text
	type! type
	caption text
IdentityObject closed
	type! type
	hashed! bool
	identityHash! text
	identityType! vocab:identifierType
	salt text
IdentifierEntry closed
	type! type
	identifier! text
	identifierType! vocab:identifierType
Profile
	id! text
	type! types
	name text
	url text
	phone text
	description text
	endorsement* EndorsementCredential
	endorsementJwt* jws
	image Image
	email text
	address Address
	otherIdentifier* IdentifierEntry
	official text
	parentOrg Profile
	familyName text
	givenName text
	additionalName text
	patronymicName text
	honorificPrefix text
	honorificSuffix text
	familyNamePrefix text
	dateOfBirth date
Address
	type! types
	addressCountry text
	addressCountryCode text
	addressRegion text
	addressLocality text
	streetAddress text
	postOfficeBoxNumber text
	postalCode text
	geo GeoCoordinates
GeoCoordinates
	type! type
	latitude! number
	longitude! number
Proof
	type! text
	created time
	cryptosuite text
	challenge text
	domain text
	nonce text
	proofPurpose text
	proofValue text
	verificationMethod text
CredentialSchema
	id! text
	type! text
CredentialStatus
	id text
	type! text
RefreshService
	id! text
	type! text
TermsOfUse
	id text
	type! text
`

// vocabularies are the terms that a property may have. All but status may also be
// extended by terms that begin with "ext:".
var vocabularies = map[string][]string{
	"achievementType": {"Achievement", "ApprenticeshipCertificate", "Assessment", "Assignment", "AssociateDegree", "Award", "Badge",
		"BachelorDegree", "Certificate", "CertificateOfCompletion", "Certification", "CommunityService", "Competency", "Course",
		"CoCurricular", "Degree", "Diploma", "DoctoralDegree", "Fieldwork", "GeneralEducationDevelopment", "JourneymanCertificate",
		"LearningProgram", "License", "Membership", "ProfessionalDoctorate", "QualityAssuranceCredential", "MasterCertificate",
		"MasterDegree", "MicroCredential", "ResearchDoctorate", "SecondarySchoolDiploma"},
	"targetType": {"ceasn:Competency", "ceterms:Credential", "CFItem", "CFRubric", "CFRubricCriterion", "CFRubricCriterionLevel", "CTDL"},
	"resultType": {"GradePointAverage", "LetterGrade", "Percent", "PerformanceLevel", "PredictedScore", "RawScore", "Result",
		"RubricCriterion", "RubricCriterionLevel", "RubricScore", "ScaledScore", "Status"},
	"identifierType": {"name", "sourcedId", "systemId", "productId", "userName", "accountId", "emailAddress", "nationalIdentityNumber",
		"isbn", "issn", "lisSourcedId", "oneRosterSourcedId", "sisSourcedId", "ltiContextId", "ltiDeploymentId", "ltiToolId",
		"ltiPlatformId", "ltiUserId", "identifier"},
	"status":          {"Completed", "Enrolled", "Failed", "InProgress", "OnHold", "Provisional", "Withdrew"},
	"associationType": {"exactMatchOf", "isChildOf", "isParentOf", "isPartOf", "isPeerOf", "isRelatedTo", "precedes", "replacedBy"},
}

// extensible tells whether a vocabulary takes terms that begin with "ext:".
func extensible(vocabulary string) bool {
	return vocabulary != "status" && vocabulary != "associationType"
}

type property struct {
	name           string
	kinds          []string // alternatives
	required, list bool
	single         bool // a list that may be a single value in both flavours
}

type class struct {
	name       string
	closed     bool
	properties []property
}

// classes is the parsed table.
var classes = sync.OnceValue(func() map[string]*class {
	out := map[string]*class{}
	var c *class
	for line := range strings.Lines(strings.TrimPrefix(classTable, "\n")) {
		line = strings.TrimSuffix(line, "\n")
		f := strings.Fields(line)
		if !strings.HasPrefix(line, "\t") {
			c = &class{name: f[0], closed: len(f) == 2}
			out[c.name] = c
			continue
		}
		name, flags, _ := strings.Cut(strings.NewReplacer("!*", " *!", "!", " !", "*", " *").Replace(f[0]), " ")
		c.properties = append(c.properties, property{
			name:     name,
			kinds:    strings.Split(f[1], "/"),
			required: strings.Contains(flags, "!"),
			list:     strings.Contains(flags, "*"),
			single:   strings.Contains(flags, "1") || f[1] == "types",
		})
	}
	return out
})

// typeNames are the names that the type of a class must hold, one of each group.
func typeNames(class string) [][]string {
	switch class {
	case "AchievementCredential":
		return [][]string{{"VerifiableCredential"}, {"AchievementCredential", "OpenBadgeCredential"}}
	case "EndorsementCredential", "ClrCredential":
		return [][]string{{"VerifiableCredential"}, {class}}
	}
	return [][]string{{class}}
}

// isCredentialClass tells whether a class is a credential itself, to which the rules
// of the W3C data models apply.
func isCredentialClass(class string) bool { return strings.HasSuffix(class, "Credential") }

// underV1 gives the properties of a credential class the names and duties they have
// in the data model 1.1.
func underV1(p property) property {
	switch p.name {
	case "validFrom":
		p.name = "issuanceDate"
	case "validUntil":
		p.name = "expirationDate"
	case "name":
		p.required = true
	}
	return p
}
