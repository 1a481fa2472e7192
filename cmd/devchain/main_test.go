package main

import (
	"bufio"
	"context"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/ethereum"
	proof "github.com/chancery-dev/chancery/proof/ethereum"
)

// start runs a chain and returns what it printed at its start, by first word.
func start(t *testing.T, o options) (said map[string]string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, o, w)
		w.Close()
		done <- err
	}()
	said = map[string]string{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		said[word] = strings.TrimSpace(rest)
		if word == "keyfile" || word == "account" && o.keyfile == "" {
			break
		}
	}
	if said["rpc"] == "" {
		t.Fatal(<-done)
	}
	go io.Copy(io.Discard, r)
	return said, func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the chain does not stop")
		}
	}
}

// TestServes asks over HTTP for all that anchoring needs.
func TestServes(t *testing.T) {
	keyfile := filepath.Join(t.TempDir(), "account.json")
	said, stop := start(t, options{listen: "127.0.0.1:0", accounts: 1, keyfile: keyfile})
	defer stop()
	ctx := t.Context()
	r, err := ethereum.Dial(said["rpc"], &http.Client{})
	if err != nil {
		t.Fatal(err)
	}
	id, genesis, err := ethereum.Identify(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if id != 1337 || hexutil.Encode(genesis[:]) != said["genesis"] {
		t.Fatalf("found chain %d with genesis %x, printed %s", id, genesis, said["genesis"])
	}
	file, err := os.ReadFile(keyfile)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ethereum.ParseKeystore(file, keyPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ethereum.ParseKeystore(file, "wrong"); err == nil {
		t.Fatal("a wrong passphrase opens the key file")
	}
	chain, err := ethereum.New(ethereum.Config{ChainID: id, Genesis: genesis, Key: key, Clock: time.Now, Endpoints: []ethereum.Endpoint{{Name: "dev", RPC: r}}})
	if err != nil {
		t.Fatal(err)
	}
	// eth_sendRawTransaction, mined because it waits.
	digest := [32]byte{31: 7}
	tx, height, err := chain.Sign(ctx, anchor.SignRequest{Digest: digest})
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.Broadcast(ctx, tx.Raw); err != nil {
		t.Fatal(err)
	}
	var seen anchor.Sighting
	for deadline := time.Now().Add(20 * time.Second); seen.Place == nil; {
		if time.Now().After(deadline) {
			t.Fatal("the transaction is not mined")
		}
		time.Sleep(20 * time.Millisecond)
		if seen, err = chain.Find(ctx, anchor.Query{Txs: []anchor.Tx{tx}, From: height}); err != nil {
			t.Fatal(err)
		}
	}
	// eth_getBlockByNumber.
	c, err := ethclient.Dial(said["rpc"])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	block, err := c.BlockByNumber(ctx, new(big.Int).SetUint64(seen.Place.Block.Number))
	if err != nil {
		t.Fatal(err)
	}
	if block.Hash() != common.Hash(seen.Place.Block.Hash) || len(block.Transactions()) != 1 {
		t.Fatal("another block")
	}
	// eth_getProof, of the history contract.
	slot := proof.HistorySlot(0)
	p, err := r.GetProof(ctx, common.Address(proof.HistoryContract), []string{hexutil.Encode(slot[:])}, block.Number())
	if err != nil {
		t.Fatal(err)
	}
	if got := common.BigToHash(p.StorageProof[0].Value); got != common.Hash(genesis) {
		t.Fatalf("expected the genesis hash in the history contract, found %s", got)
	}
}

func TestPeriod(t *testing.T) {
	said, stop := start(t, options{listen: "127.0.0.1:0", accounts: 3, period: 20 * time.Millisecond})
	defer stop()
	c, err := ethclient.Dial(said["rpc"])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		n, err := c.BlockNumber(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n >= 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no blocks are made")
		}
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.json")
	if err := os.WriteFile(other, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]options{
		"no port":       {listen: "127.0.0.1", accounts: 1},
		"no host":       {listen: ":8545", accounts: 1},
		"port":          {listen: "127.0.0.1:99999", accounts: 1},
		"no accounts":   {listen: "127.0.0.1:0"},
		"many accounts": {listen: "127.0.0.1:0", accounts: 101},
		"period":        {listen: "127.0.0.1:0", accounts: 1, period: -1},
		"key file":      {listen: "127.0.0.1:0", accounts: 1, keyfile: other},
	} {
		if err := run(t.Context(), o, io.Discard); err == nil || !strings.HasPrefix(err.Error(), "devchain: ") {
			t.Errorf("%s: expected an error, found %v", name, err)
		}
	}
}
