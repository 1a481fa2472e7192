package layout

// Bounds on templates and fields: generous for real certificates, small enough that no
// input costs more than a fraction of a second or some tens of megabytes.
const (
	maxTemplateBytes = 8 << 20 // with images and a background inlined in base64
	maxElements      = 200
	maxAssets        = 16
	maxAssetBytes    = 5 << 20
	maxPixels        = 16 << 20 // of one image: 4000 × 4000
	maxTextRunes     = 600      // of one text element once fields are filled in
	maxFields        = 200
	maxFieldBytes    = 4096
	maxFacts         = 2000
	maxFactBytes     = 256 << 10 // of all facts together
	maxPages         = 50
	maxTranslations  = 32
	maxTextLines     = 8
	maxCredential    = 10 << 20

	maxSVGBytes    = 1 << 20
	maxSVGElements = 5000
	maxSVGPoints   = 200_000
	maxSVGDepth    = 32

	maxImportedObjects = 5000
	maxImportedBytes   = 16 << 20 // decoded content

	maxIndexedFonts = 20_000
	maxTriedFonts   = 2000
	maxFontBytes    = 128 << 20

	maxOutlines  = 8192 // glyph outlines kept per worker
	maxOrnaments = 64   // ornaments kept per worker
	maxFits      = 1024 // texts that are known to fit kept per worker

	minPageMM, maxPageMM = 50.0, 1200.0
	maxPreviewPixels     = 40 << 20
)
