// Package layout makes certificate pages: a template and fields become one page of
// PDF/A-3b (ISO 19005-3) with tagged text and the credential embedded, or a PNG preview.
//
//	r, err := layout.New(layout.Config{FontDirs: dirs})
//	t, err := layout.Builtin(layout.Diploma, "A4-landscape") // or layout.Parse(json)
//	page, err := r.Render(ctx, t, fields, options)
//
// A page is composed once into a list of marks that two writers carry out, one for PDF and
// one for pixels, so a preview shows what the document will look like.
//
// # Text
//
// Text is ordered by the Unicode Bidirectional Algorithm, shaped, and drawn from outlines.
// Every cluster of characters, be it a letter, a ligature or a syllable, becomes one glyph
// of a small font made for the document, which maps back to exactly those characters: what
// is copied out of the page is what went in, in every script, without hidden text.
//
// Latin, Greek and Cyrillic are embedded. Other scripts need a font directory; where a font
// is missing the answer is a MissingFontError that names script and package, never a box or
// a dropped letter. Text that does not fit at the smallest size allowed is a FitError.
//
// # Caveats
//
// Fonts are written without hints. Fonts that hold bitmaps or colours only (emoji) are not
// drawn. Kerning and shaping do not cross changes of font. Previews leave out backgrounds
// that are PDF pages, unless the template brings an image for them.
package layout
