package service

import (
	"regexp"
	"slices"
	"strings"
)

var placeholder = regexp.MustCompile(`\{\{[^{}]*\}\}`)

// checkMailText refuses placeholders that nothing would be put in place of: they would be
// read by recipients.
func checkMailText(bad *Invalid, m *MailText, fields []Field) {
	if m == nil {
		return
	}
	checkName(bad, "mail.subject", m.Subject, false)
	checkText(bad, "mail.text", m.Text)
	for _, part := range []struct{ name, text string }{{"mail.subject", m.Subject}, {"mail.text", m.Text}} {
		for _, found := range placeholder.FindAllString(part.text, -1) {
			key, claim := strings.CutPrefix(strings.Trim(found, "{}"), "claims.")
			known := slices.Contains(mailPlaceholders, found)
			if claim {
				known = slices.ContainsFunc(fields, func(f Field) bool { return f.Key == key && f.Visibility != visiblePrivate })
			}
			if !known {
				bad.Add(part.name, "must have no placeholders but "+strings.Join(mailPlaceholders, ", ")+" and {{claims.KEY}} of fields that are not private")
				break
			}
		}
	}
}
