package layout

import (
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// The languages in which the shipped templates have their wording: those of the pages
// (internal/web/words). The first is used where no other fits.
var languages = []string{"en", "de", "ar"}

// wording is what the shipped templates say, by field and in the order of languages.
// Whoever fills in a field of that name says something else.
var wording = []struct {
	name  string
	texts [3]string
}{
	{"heading.diploma", [3]string{"Diploma", "Diplom", "شهادة تخرّج"}},
	{"heading.certificate", [3]string{"Certificate", "Zertifikat", "شهادة"}},
	{"label.awards", [3]string{"hereby awards", "verleiht hiermit", "تمنح بموجب هذا"}},
	{"label.to", [3]string{"to", "an", "إلى"}},
	{"label.awarded", [3]string{"awarded to", "verliehen an", "مُنحت إلى"}},
	{"label.issued", [3]string{"issued to", "ausgestellt für", "صادر باسم"}},
	{"label.id", [3]string{"No.", "Nr.", "رقم"}},
	{"label.check", [3]string{"Check this document at", "Prüfen Sie dieses Dokument unter", "تحقّق من هذه الوثيقة على"}},
	{"label.comma", [3]string{",", ",", "،"}},
	{"label.offline", [3]string{"or offline with Chancery.", "oder offline mit Chancery.", "أو دون اتصال باستخدام Chancery."}},
	{"label.qr", [3]string{"QR code that leads to the page where this document can be checked:", "QR-Code, der zu der Seite führt, auf der dieses Dokument geprüft werden kann:", "رمز QR يؤدي إلى الصفحة التي يمكن التحقق فيها من هذه الوثيقة:"}},
	{"label.test", [3]string{"Made for testing. Not a real document.", "Nur zum Testen. Kein echtes Dokument.", "أُعدّت للاختبار. ليست وثيقة حقيقية."}},
	{"label.list", [3]string{"The list begins on page 2.", "Die Aufstellung beginnt auf Seite 2.", "تبدأ القائمة في الصفحة ٢."}},
	{"label.fact", [3]string{"Entry", "Eintrag", "البند"}},
	{"label.value", [3]string{"Details", "Angabe", "البيان"}},
	{"label.signature", [3]string{"Signature", "Unterschrift", "التوقيع"}},
	{"label.attachment", [3]string{"The verifiable credential that this page shows", "Der prüfbare Nachweis, den diese Seite zeigt", "الشهادة القابلة للتحقق التي تعرضها هذه الصفحة"}},
	{"digits", [3]string{"0123456789", "0123456789", "٠١٢٣٤٥٦٧٨٩"}},
}

// Word returns what the shipped templates say, by the name of its field, in a language
// (BCP 47): in English where they do not have that one, and "" of a name they do not have.
func Word(name, lang string) string {
	i := max(0, slices.IndexFunc(languages, func(l string) bool { return inLanguage(lang, l) }))
	for _, w := range wording {
		if w.name == name {
			return w.texts[i]
		}
	}
	return ""
}

// inLanguage reports whether a tag is that of a language or of a variety of it, as de-AT is
// of de (RFC 4647, 3.4).
func inLanguage(tag, language string) bool {
	return len(tag) >= len(language) && strings.EqualFold(tag[:len(language)], language) && (len(tag) == len(language) || tag[len(language)] == '-')
}

// translation is the wording of a template in a language: the longest tag that covers it.
func (t *Template) translation(lang string) map[string]string {
	best := ""
	for tag := range t.translations {
		if inLanguage(lang, tag) && len(tag) > len(best) {
			best = tag
		}
	}
	return t.translations[best]
}

// shipped writes the wording of a shipped template as members of its text: in English as
// the defaults, in the other languages as translations.
func shipped(template string) (defaults, translations string) {
	var all []string
	for i := range languages {
		var fields []string
		for _, w := range wording {
			name := w.name
			if heading, of, _ := strings.Cut(name, "."); heading == "heading" {
				if of != template {
					continue
				}
				name = heading
			}
			fields = append(fields, "      "+strictjson.Quote(name)+": "+strictjson.Quote(w.texts[i]))
		}
		all = append(all, "{\n"+strings.Join(fields, ",\n")+"\n    }")
	}
	var others []string
	for i, lang := range languages[1:] {
		others = append(others, "    "+strictjson.Quote(lang)+": "+all[i+1])
	}
	return all[0], "{\n" + strings.Join(others, ",\n") + "\n  }"
}

// digits are the ten that numbers of pages are written in, "" where they are 0 to 9.
func digits(s string) []rune {
	if d := []rune(s); len(d) == 10 {
		return d
	}
	return []rune("0123456789")
}

// writtenLeft reports languages whose script runs from right to left, so that tables do too.
func writtenLeft(lang string) bool {
	subtags := strings.Split(strings.ToLower(lang), "-")
	for _, s := range subtags[1:] {
		if len(s) == 4 { // a script
			return slices.Contains([]string{"arab", "hebr", "syrc", "thaa", "nkoo", "adlm", "rohg"}, s)
		}
	}
	return slices.Contains([]string{"ar", "he", "iw", "fa", "ur", "ps", "sd", "ug", "yi", "dv", "ckb", "syr", "nqo", "arc", "prs", "arz", "ary"}, subtags[0])
}
