#!/bin/sh
# Makes the embedded fonts from Debian's packages at pinned versions: Latin, Greek and
# Cyrillic, without hints (pages are drawn from outlines), compressed.
# Needs apt-get, dpkg-deb, python3 and fonttools 4.55.3 (pyftsubset). Run it in this
# folder; the output is the same bytes each time.
set -eu
here=$(pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get download -q \
	fonts-ebgaramond=0.016+git20210310.42d4f9f2-1 \
	fonts-inter=4.0~beta7+ds-1 \
	fonts-jetbrains-mono=2.242+ds-3
sha256sum -c <<SUMS
2780e32df19b909823425b3e21c2f2f2a1717bbdd96f33fc59a252a308903fa2  fonts-ebgaramond_0.016+git20210310.42d4f9f2-1_all.deb
6afd9014550e04b58bccf64b94f92ae1dbfd8018489b92de835408970234c24c  fonts-inter_4.0~beta7+ds-1_all.deb
516b8e3bacc9a30cf615543fa1fdaf0c5312284f2c4459b7838fd008fd9936bc  fonts-jetbrains-mono_2.242+ds-3_all.deb
SUMS
for deb in *.deb; do dpkg-deb -x "$deb" x; done
fonts=x/usr/share/fonts
chars="U+0020-007E,U+00A0-024F,U+0259,U+02B0-02FF,U+0300-036F,U+0370-03FF,U+0400-052F,U+1E00-1FFF,U+2000-206F,U+2070-209F,U+20A0-20CF,U+2113,U+2116,U+2117,U+2120,U+2122,U+2212,U+25CC,U+FB00-FB06"
subset() {
	pyftsubset "$fonts/$1" --unicodes="$chars" --layout-features="$3" --output-file="$2" \
		--no-hinting --desubroutinize --drop-tables+=DSIG,STAT --name-IDs=0,1,2,3,4,5,6,13,14 --notdef-outline --no-recalc-timestamp
	gzip -9 -n -c "$2" >"$here/$2.gz"
}
subset opentype/ebgaramond/EBGaramond12-Regular.otf EBGaramond-Regular.otf ccmp,locl,kern,mark,mkmk,liga,smcp,c2sc,lnum,onum,pnum,tnum
subset opentype/ebgaramond/EBGaramond12-Italic.otf EBGaramond-Italic.otf ccmp,locl,kern,mark,mkmk,liga,lnum,onum,pnum
subset opentype/inter/Inter-Regular.otf Inter-Regular.otf ccmp,locl,kern,mark,mkmk,calt,tnum,case
subset opentype/inter/Inter-SemiBold.otf Inter-SemiBold.otf ccmp,locl,kern,mark,mkmk,calt,tnum,case
subset truetype/jetbrains-mono/JetBrainsMono-Regular.ttf JetBrainsMono-Regular.ttf ccmp,locl,mark,mkmk
cp x/usr/share/doc/fonts-ebgaramond/copyright "$here/LICENSE.ebgaramond.txt"
cp x/usr/share/doc/fonts-inter/copyright "$here/LICENSE.inter.txt"
cp x/usr/share/doc/fonts-jetbrains-mono/copyright "$here/LICENSE.jetbrainsmono.txt"
cd "$here"
sha256sum ./*.gz >SHA256SUMS
