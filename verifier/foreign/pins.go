package foreign

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/proof/bitcoin"
	"github.com/chancery-dev/chancery/proof/ethereum"
	"github.com/chancery-dev/chancery/verifier"
)

// pinned are the headers of the trust file.
type pinned struct {
	bitcoin  *bitcoin.Known
	ethereum map[ethPlace]ethereum.Header
}

type ethPlace struct{ chainID, number uint64 }

func (p pinned) header(chainID, number uint64) (ethereum.Header, bool) {
	h, ok := p.ethereum[ethPlace{chainID, number}]
	return h, ok
}

// pins reads the headers of the trust file.
func (j *judge) pins() error {
	j.pin = pinned{bitcoin: bitcoin.NewKnown(), ethereum: map[ethPlace]ethereum.Header{}}
	for _, d := range j.v.Trust().Documents {
		if d.Kind != verifier.KindBitcoinHeader && d.Kind != verifier.KindEthereumHeader {
			continue
		}
		raw, err := hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(string(d.Document)), "0x"))
		if err != nil {
			return fmt.Errorf("expected a header in hex at %s", d.URL)
		}
		if d.Kind == verifier.KindBitcoinHeader {
			err = j.pin.addBitcoin(d.URL, raw)
		} else {
			err = j.pin.addEthereum(d.URL, raw)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", d.URL, err)
		}
	}
	return nil
}

func (p pinned) addBitcoin(url string, raw []byte) error {
	name, number, _ := strings.Cut(url, ":")
	network, known := bitcoin.ParseNetwork(name)
	height, err := parseNumber(number)
	if !known || err != nil {
		return fmt.Errorf("expected a network and a height, such as bitcoin:358391")
	}
	_, err = p.bitcoin.Add(network, height, raw)
	return err
}

func (p pinned) addEthereum(url string, raw []byte) error {
	rest, ok := strings.CutPrefix(url, "eip155:")
	chain, number, _ := strings.Cut(rest, ":")
	chainID, err := parseNumber(chain)
	height, err2 := parseNumber(number)
	if !ok || err != nil || err2 != nil {
		return fmt.Errorf("expected a chain and a number, such as eip155:1:3283690")
	}
	h, err := ethereum.ParseHeader(raw)
	if err != nil {
		return err
	}
	if h.Number != height {
		return fmt.Errorf("expected the header of block %d, found that of %d", height, h.Number)
	}
	p.ethereum[ethPlace{chainID, height}] = h
	return nil
}

// parseNumber reads a decimal number in its one spelling.
func parseNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("expected a number")
	}
	return n, nil
}
