//go:build js && wasm

package main

import (
	"syscall/js"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// qr reads the QR code in a picture of one byte of brightness a pixel, null where there
// is none.
func qr(pixels js.Value, width, height int) any {
	source, err := gozxing.NewPlanarYUVLuminanceSource(bytesOf(pixels), width, height, 0, 0, width, height, false)
	if err != nil {
		return nil
	}
	bitmap, err := gozxing.NewBinaryBitmap(gozxing.NewHybridBinarizer(source))
	if err != nil {
		return nil
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return nil
	}
	return result.GetText()
}
