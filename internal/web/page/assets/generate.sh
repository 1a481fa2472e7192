#!/bin/sh
# Makes the pages' serif from the embedded font of the certificates: Latin letters, for
# headings and names. Needs fonttools 4.55.3 (pyftsubset) with brotli 1.1.0. Run it in
# this folder; the output is the same bytes each time.
set -eu
fonts=../../../layout/fonts
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
gzip -dc "$fonts/EBGaramond-Regular.otf.gz" >"$tmp/font.otf"
pyftsubset "$tmp/font.otf" --output-file=garamond.woff2 --flavor=woff2 --no-hinting --no-recalc-timestamp \
	--unicodes="U+0020-007E,U+00A0-017F,U+0218-021B,U+1E9E,U+2010-2027,U+2030,U+2039,U+203A,U+20AC,U+2122,U+2212" \
	--layout-features=kern,liga,ccmp,locl,mark,onum,lnum --name-IDs=0,1,2,13,14
cp "$fonts/LICENSE.ebgaramond.txt" LICENSE.garamond.txt
sha256sum garamond.woff2 >SHA256SUMS
