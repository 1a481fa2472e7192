package verifier

import (
	"slices"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// extensionTypes are the types that only the extensions context of 1EdTech defines,
// and that its own samples use without that context.
var extensionTypes = []string{"1EdTechJsonSchemaValidator2019", "1EdTechRevocationList", "1EdTechCredentialRefresh"}

// unsigned verifies a proof as processors without safe mode do, for the profile
// 1edtech alone: the types above, undefined in the document's contexts, are left out
// of what is hashed, as such processors leave them out. What they say is unsigned,
// and reported so. No other undefined term is let pass.
func (h *hasher) unsigned(suite proof.Suite, in proof.Input, p proof.Proof, r *ProofReport, reason Reason) (Reason, string, bool) {
	if !h.c.lenient() || reason != UndefinedTerm {
		return "", "", false
	}
	if h.doc == nil {
		text := withoutExtensionTypes(h.c.doc)
		doc, err := strictjson.Parse(text, strictjson.Limits{})
		if err != nil || len(text) == len(h.c.doc.Text()) {
			return "", "", false
		}
		h.doc = doc
	}
	all, err := proof.Proofs(h.doc)
	if err != nil {
		return "", "", false
	}
	i := slices.IndexFunc(all, func(q proof.Proof) bool { return q.Pointer == p.Pointer })
	if i < 0 {
		return "", "", false
	}
	previous, err := proof.Previous(all[i], all)
	if err != nil {
		return "", "", false
	}
	in.Doc, in.Proof, in.Previous = h.doc, all[i], previous
	for _, contexts := range h.c.choices() {
		if !h.mayRetry(p) {
			break
		}
		in.Contexts = contexts
		again, detail := h.once(suite, in, p.ProofValue, r, hashID{})
		if again == "" {
			h.c.r.find(GradeWarning, "unsigned_type", "/credentialSchema", "the type of a schema, status or refresh service is defined by no context: it is read, but no signature covers it")
			return "", "", true
		}
		if !worthRetry(again) {
			return again, detail, true
		}
	}
	return "", "", false
}

// withoutExtensionTypes returns the text of a document without the type members that
// name nothing but an extension type, in the three members where they stand.
func withoutExtensionTypes(doc *strictjson.Doc) []byte {
	text := []byte(doc.Text())
	type cut struct {
		start, end int
		put        []byte
	}
	var cuts []cut
	for _, name := range []string{"credentialSchema", "credentialStatus", "refreshService"} {
		doc.Each(doc.Get(0, name), func(n strictjson.Node) bool {
			types := stringList(doc, doc.Get(n, "type"))
			if len(types) == 1 && slices.Contains(extensionTypes, types[0]) {
				at := doc.Offset(n)
				cuts = append(cuts, cut{at, at + len(doc.Raw(n)), doc.Rewrite(n, nil, "type")})
			}
			return true
		})
	}
	slices.SortFunc(cuts, func(a, b cut) int { return b.start - a.start })
	for _, c := range cuts {
		text = slices.Concat(text[:c.start], c.put, text[c.end:])
	}
	return text
}
