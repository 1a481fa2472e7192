package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
)

type issueFlags struct {
	key, suite, issuer, method, out, status string
	validFrom, created, expires             string
	proofID                                 string
	previous, mandatory, contexts           []string
	add, embedKey, envelope, onlyMandatory  bool
	pass                                    passphraseFlags
}

func (c *cli) issueCommand() *cobra.Command {
	var f issueFlags
	cmd := &cobra.Command{
		Use:   "issue --key KEY.pem DRAFT.json",
		Short: "Sign a credential",
		Long: `Signs DRAFT ("-" for standard input), a credential without proof. Its id, issuer
and validFrom are filled in where absent; everything else is signed as it stands.
A draft that breaks a rule of its data model, or that holds a member no context
defines, is refused with the place, and nothing is written.

Suites: eddsa-rdfc-2022, eddsa-jcs-2022, ecdsa-rdfc-2019, ecdsa-jcs-2019,
Ed25519Signature2020 (embedded proofs); ecdsa-sd-2023 (P-256; the holder discloses
parts of it with 'chancery derive'); vc+jwt (VC-JOSE-COSE); openbadge-jwt
(Open Badges 3.0). Default: the RDFC suite of the key, or vc+jwt for RSA.`,
		Example: `  chancery issue --key key/key.pem draft.json > credential.json
  chancery issue --key key/key.pem --suite vc+jwt draft.json -o credential.jwt
  chancery issue --key key/key.pem --status revocation.state draft.json -o credential.json
  chancery issue --key p256/key.pem --suite ecdsa-sd-2023 --mandatory /credentialSubject/achievement/name draft.json -o base.json`,
		Args: exactly(1, "a draft"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.issue(cmd.Context(), f, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", "", "private key file (required)")
	f.pass.add(cmd)
	fl.StringVar(&f.suite, "suite", "", "securing mechanism; default by the key")
	fl.StringVar(&f.issuer, "issuer", "", "issuer, a URL; default: that of the draft, else the key's DID")
	fl.StringVar(&f.method, "method", "", "verification method, a URL; default: the key's DID URL")
	c.outputFlag(cmd, &f.out, "file to write; default: standard output")
	fl.StringVar(&f.status, "status", "", "state file of a status list: allocate an entry in it (see 'chancery status')")
	fl.StringVar(&f.validFrom, "valid-from", "", "validFrom where the draft has none (RFC 3339); default: now")
	fl.StringVar(&f.created, "created", "", "created of the proof (RFC 3339); default: now")
	fl.StringVar(&f.expires, "expires", "", "expires of the proof (RFC 3339)")
	fl.StringVar(&f.proofID, "proof-id", "", "id of the proof, so that later proofs can build on it")
	fl.StringSliceVar(&f.previous, "previous-proof", nil, "id of a proof this one builds on; may be repeated")
	fl.StringArrayVar(&f.contexts, "context", nil, "URL=FILE: a JSON-LD context that is not embedded, for terms of your own; verifiers need it too ('chancery trust --context'); may be repeated")
	fl.StringArrayVar(&f.mandatory, "mandatory", nil, "ecdsa-sd-2023: JSON pointer to what every disclosure must contain, beside what decides about the credential (type, issuer, validity, status); may be repeated")
	fl.BoolVar(&f.onlyMandatory, "insecure-only-mandatory", false, "ecdsa-sd-2023: let holders leave out validity and status too")
	fl.BoolVar(&f.add, "add", false, "add a proof to a credential that has one")
	fl.BoolVar(&f.embedKey, "embed-key", false, "openbadge-jwt: put the public key into the header instead of its id")
	fl.BoolVar(&f.envelope, "envelope", false, "vc+jwt: wrap the result into an EnvelopedVerifiableCredential")
	return cmd
}

func (c *cli) issue(ctx context.Context, f issueFlags, draft string) error {
	text, err := c.readDocument(draft)
	if err != nil {
		return err
	}
	now := c.now().UTC().Truncate(time.Second)
	validFrom, err := timeFlag("--valid-from", f.validFrom, now)
	if err != nil {
		return err
	}
	secure, key, err := c.securer(f, now)
	if err != nil {
		return err
	}
	if f.add {
		secured, err := secure.add(ctx, chancery.Secured{MediaType: chancery.MediaVC, Bytes: text})
		if err != nil {
			return invalidError{fmt.Errorf("%s: %w", draft, err)}
		}
		return c.write(f.out, line(secured.Bytes), 0o644)
	}
	issuer := f.issuer
	if issuer == "" {
		if issuer, _, err = signer.Identifier(key.Signer.Public()); err != nil {
			return usageError{err}
		}
	}
	credential, err := chancery.FillDraft(text, chancery.Defaults{Issuer: issuer, ValidFrom: validFrom, Random: rand.Reader})
	if err != nil {
		return invalidError{fmt.Errorf("%s: %w", draft, err)}
	}
	if f.issuer != "" && credential.Issuer() != f.issuer {
		return usagef("--issuer differs from the issuer of %s", draft)
	}
	var list *statusFile
	if f.status != "" {
		if list, credential, err = c.allocate(f.status, credential); err != nil {
			return err
		}
	}
	if err := checkBadge(credential); err != nil {
		return invalidError{fmt.Errorf("%s: %w", draft, err)}
	}
	secured, err := secure.sign(ctx, credential)
	if err != nil {
		return unsigned(draft, err)
	}
	if f.envelope {
		if secured.Bytes, err = signer.Envelop(secured); err != nil {
			return usageError{err}
		}
	}
	if list != nil { // the index counts as given out before the credential is known
		if err := list.save(c); err != nil {
			return err
		}
	}
	return c.write(f.out, line(secured.Bytes), 0o644)
}

// unsigned says why a draft was not signed, and what helps where that is known.
func unsigned(draft string, err error) error {
	fault := invalidError{fmt.Errorf("%s: %w", draft, err)}
	var jsonLD *proof.JSONLDError
	switch {
	case errors.Is(err, signer.ErrSecured):
		return hintError{fault, "add --add to put another proof beside it"}
	case errors.As(err, &jsonLD) && jsonLD.Code == "jsonld_unknown_context":
		return hintError{fault, "give the context with --context URL=FILE"}
	case errors.As(err, &jsonLD) && jsonLD.Code == "jsonld_undefined_term":
		return hintError{fault, "name a context that defines it in @context; one of your own is given with --context URL=FILE"}
	}
	return fault
}

// checkBadge refuses to sign a badge that breaks the rules of its specification.
func checkBadge(credential *chancery.Credential) error {
	switch badge.KindOf(credential.Document(), 0) {
	case badge.OB3Achievement, badge.OB3Endorsement, badge.CLR:
	default:
		return nil
	}
	for _, finding := range badge.Check(credential.Document(), badge.Strict) {
		if finding.Grade == badge.Error {
			return fmt.Errorf("%s at %q", finding.Message, finding.Pointer)
		}
	}
	return nil
}

// line ends text with a line feed; it is no part of what was signed.
func line(b []byte) []byte { return append(b[:len(b):len(b)], '\n') }

func timeFlag(name, value string, absent time.Time) (time.Time, error) {
	if value == "" {
		return absent, nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return t, usagef("%s: expected a time such as 2026-11-22T10:00:00Z, found %q", name, value)
	}
	return t, nil
}

// securing is one way to secure documents.
type securing struct {
	sign    func(context.Context, *chancery.Credential) (chancery.Secured, error)
	present func(context.Context, *chancery.Presentation) (chancery.Secured, error)
	add     func(context.Context, chancery.Secured) (chancery.Secured, error)
}

// securer reads the key and prepares what the flags ask for.
func (c *cli) securer(f issueFlags, now time.Time) (securing, signer.Key, error) {
	private, err := c.readKey(f.key, f.pass)
	if err != nil {
		return securing{}, signer.Key{}, err
	}
	key, err := signer.NewKey(private)
	if err != nil {
		return securing{}, signer.Key{}, usageError{err}
	}
	if f.method != "" {
		key.Method = f.method
	}
	contexts, err := c.contextSet(f.contexts)
	if err != nil {
		return securing{}, signer.Key{}, err
	}
	suite := f.suite
	if suite == "" && onlyJOSE(key) {
		suite = "vc+jwt"
	}
	if (f.onlyMandatory || len(f.mandatory) > 0) && suite != proof.ECDSASD2023 {
		return securing{}, signer.Key{}, usagef("--mandatory: expected --suite %s; other suites disclose all", proof.ECDSASD2023)
	}
	if kind, jose := map[string]signer.JOSEKind{"vc+jwt": signer.VCJWT, "vp+jwt": signer.VPJWT, "openbadge-jwt": signer.OpenBadgeJWT}[suite]; jose {
		j := &signer.JOSE{Key: key, Kind: kind, EmbedKey: f.embedKey, Contexts: contexts}
		return securing{sign: j.Sign, present: j.SignPresentation, add: func(context.Context, chancery.Secured) (chancery.Secured, error) {
			return chancery.Secured{}, usagef("--add: expected a suite of embedded proofs")
		}}, key, nil
	}
	if _, known := proof.SuiteByName(proof.TypeDataIntegrity, suite); !known && suite != "" && suite != proof.TypeEd25519Signature2020 {
		return securing{}, signer.Key{}, hintError{usagef("unknown suite %q", suite), "run 'chancery issue --help' for the suites"}
	}
	created, err := timeFlag("--created", f.created, now)
	if err != nil {
		return securing{}, signer.Key{}, err
	}
	expires, err := timeFlag("--expires", f.expires, time.Time{})
	if err != nil {
		return securing{}, signer.Key{}, err
	}
	d := &signer.DataIntegrity{Key: key, Suite: suite, Created: created, Expires: expires, ID: f.proofID, PreviousProof: f.previous,
		MandatoryPointers: f.mandatory, InsecureOnlyMandatoryPointers: f.onlyMandatory, Contexts: contexts}
	return securing{sign: d.Sign, present: d.SignPresentation, add: d.Add}, key, nil
}

// onlyJOSE tells whether no suite of embedded proofs takes the key.
func onlyJOSE(k signer.Key) bool {
	for _, s := range proof.Suites() {
		if s.KeyAllowed(k.Signer.Public()) == nil {
			return false
		}
	}
	return true
}

func (c *cli) presentCommand() *cobra.Command {
	var f issueFlags
	var holder, domain, challenge, id string
	cmd := &cobra.Command{
		Use:   "present --key KEY.pem CREDENTIAL...",
		Short: "Sign a presentation of credentials",
		Long: `Puts credentials into a presentation and signs it as their holder, for the domain
and challenge of whoever asked for it.`,
		Example: "  chancery present --key key/key.pem --domain registrar.example --challenge 4f1c… credential.json -o presentation.json",
		Args:    atLeast(1, "one or more credentials"),
		RunE: func(cmd *cobra.Command, args []string) error {
			private, err := c.readKey(f.key, f.pass)
			if err != nil {
				return err
			}
			key, err := signer.NewKey(private)
			if err != nil {
				return usageError{err}
			}
			if holder == "" {
				if holder, _, err = signer.Identifier(private.Public()); err != nil {
					return usageError{err}
				}
			}
			text, err := c.presentation(args, holder, id)
			if err != nil {
				return err
			}
			p, err := chancery.ParsePresentation(text)
			if err != nil {
				return invalidError{err}
			}
			if f.method != "" {
				key.Method = f.method
			}
			var secured chancery.Secured
			if f.suite == "vp+jwt" || f.suite == "" && onlyJOSE(key) {
				j := &signer.JOSE{Key: key, Kind: signer.VPJWT, Nonce: challenge}
				if domain != "" {
					j.Audience = []string{domain}
				}
				secured, err = j.SignPresentation(cmd.Context(), p)
			} else {
				d := &signer.DataIntegrity{Key: key, Suite: f.suite, Created: c.now().UTC().Truncate(time.Second), Challenge: challenge}
				if domain != "" {
					d.Domain = []string{domain}
				}
				secured, err = d.SignPresentation(cmd.Context(), p)
			}
			if err != nil {
				return invalidError{err}
			}
			return c.write(f.out, line(secured.Bytes), 0o644)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", "", "the holder's private key file (required)")
	f.pass.add(cmd)
	fl.StringVar(&f.suite, "suite", "", "securing mechanism, as for issue, or vp+jwt; default by the key")
	fl.StringVar(&f.method, "method", "", "verification method, a URL; default: the key's DID URL")
	fl.StringVar(&holder, "holder", "", "holder, a URL; default: the key's DID")
	fl.StringVar(&id, "id", "", "id of the presentation, a URL")
	fl.StringVar(&domain, "domain", "", "who the presentation is for")
	fl.StringVar(&challenge, "challenge", "", "the challenge it answers")
	c.outputFlag(cmd, &f.out, "file to write; default: standard output")
	return cmd
}

// presentation builds the text of a presentation of the data model 2.0.
func (c *cli) presentation(files []string, holder, id string) ([]byte, error) {
	text := `{"@context":[` + strictjson.Quote(chancery.ContextV2) + `],"type":["VerifiablePresentation"],`
	if id != "" {
		text += `"id":` + strictjson.Quote(id) + ","
	}
	text += `"holder":` + strictjson.Quote(holder) + `,"verifiableCredential":[`
	for i, name := range files {
		b, err := c.readDocument(name)
		if err != nil {
			return nil, err
		}
		in, err := open(b)
		if err != nil {
			return nil, invalidError{fmt.Errorf("%s: %w", name, err)}
		}
		if err := notBase(name, in.doc); err != nil {
			return nil, err
		}
		if i > 0 {
			text += ","
		}
		if in.jws == nil {
			text += in.doc.Text()
			continue
		}
		secured, err := chancery.Detect(b)
		if err != nil {
			return nil, invalidError{fmt.Errorf("%s: %w", name, err)}
		}
		envelope, err := signer.Envelop(chancery.Secured{MediaType: chancery.MediaVCJWT, Bytes: secured.Bytes})
		if err != nil {
			return nil, invalidError{fmt.Errorf("%s: %w", name, err)}
		}
		text += string(envelope)
	}
	return []byte(text + "]}"), nil
}

// notBase refuses to show a base proof to others: it would disclose everything, and be
// refused by them.
func notBase(name string, doc *strictjson.Doc) error {
	all, err := proof.Proofs(doc)
	if err == nil && slices.ContainsFunc(all, proof.IsBaseProof) {
		return hintError{invalidError{fmt.Errorf("%s: expected a document that discloses a part, found a base proof, which is for its holder alone", name)}, "run 'chancery derive' on it first"}
	}
	return nil
}
