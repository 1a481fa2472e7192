// Command devchain runs go-ethereum's simulated node with an RPC port: a chain for
// development and tests, on one machine, in memory.
//
//	devchain --listen 127.0.0.1:8545 --period 2s --keyfile account.json
//
// It prints the chain ID, the hash of the genesis block and the funded accounts, and
// serves the namespaces eth, net and web3 over HTTP until it is interrupted. Everything is
// gone when it ends. Blocks that are multiples of 32 become final, as they are passed;
// no consensus stands behind that, and there is no beacon chain.
//
// The accounts' keys are derived from public text: whoever has this program has them.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/node"
)

// chainID is the simulated backend's.
const chainID = 1337

// keyPassphrase encrypts key files that are written: they are not secret.
const keyPassphrase = "development"

type options struct {
	listen   string
	period   time.Duration
	accounts int
	keyfile  string
}

func main() {
	var o options
	flag.StringVar(&o.listen, "listen", "127.0.0.1:8545", "`address` to serve RPC at")
	flag.DurationVar(&o.period, "period", 2*time.Second, "time between blocks; 0: a block for each waiting transaction, and none otherwise")
	flag.IntVar(&o.accounts, "accounts", 1, "`number` of funded accounts")
	flag.StringVar(&o.keyfile, "keyfile", "", "write the first account's key to this keystore `file` (passphrase \""+keyPassphrase+"\")")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "devchain: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

// run serves until the context ends.
func run(ctx context.Context, o options, out io.Writer) error {
	host, portText, err := net.SplitHostPort(o.listen)
	if err != nil {
		return fmt.Errorf("devchain: expected a listening address such as 127.0.0.1:8545: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || host == "" {
		return fmt.Errorf("devchain: expected host and port, found %q", o.listen)
	}
	if o.accounts < 1 || o.accounts > 100 || o.period < 0 {
		return errors.New("devchain: expected 1 to 100 accounts, and a period that is not negative")
	}
	// The node does not say which port it got, nor does it fail in a way that can be
	// caught when the port is taken.
	l, err := net.Listen("tcp", net.JoinHostPort(host, portText))
	if err != nil {
		return fmt.Errorf("devchain: %w", err)
	}
	if port == 0 {
		port = uint64(l.Addr().(*net.TCPAddr).Port)
	}
	if err := l.Close(); err != nil {
		return err
	}
	log.SetDefault(log.NewLogger(log.DiscardHandler()))
	keys := make([]*keystore.Key, o.accounts)
	alloc := types.GenesisAlloc{}
	for i := range keys {
		if keys[i], err = developmentKey(i); err != nil {
			return err
		}
		alloc[keys[i].Address] = types.Account{Balance: new(big.Int).Exp(big.NewInt(10), big.NewInt(24), nil)}
	}
	if o.keyfile != "" {
		if err := writeKey(o.keyfile, keys[0]); err != nil {
			return err
		}
	}
	backend := simulated.NewBackend(alloc, func(nc *node.Config, ec *ethconfig.Config) {
		nc.HTTPHost, nc.HTTPPort, nc.HTTPModules = host, int(port), []string{"eth", "net", "web3"}
		// go-ethereum's development rules price storage by a fork that is not out yet.
		rules := *ec.Genesis.Config
		rules.BogotaTime = nil
		ec.Genesis.Config = &rules
	})
	defer backend.Close()
	genesis, err := backend.Client().HeaderByNumber(ctx, new(big.Int))
	if err != nil {
		return fmt.Errorf("devchain: %w", err)
	}
	fmt.Fprintf(out, "rpc      http://%s\n", net.JoinHostPort(host, strconv.FormatUint(port, 10)))
	fmt.Fprintf(out, "chain    %d\n", chainID)
	fmt.Fprintf(out, "genesis  %s\n", genesis.Hash())
	for i, k := range keys {
		fmt.Fprintf(out, "account  %s  key 0x%x (development only, public)\n", k.Address, crypto.FromECDSA(k.PrivateKey))
		if i == 0 && o.keyfile != "" {
			fmt.Fprintf(out, "keyfile  %s  passphrase %s\n", o.keyfile, keyPassphrase)
		}
	}
	err = mine(ctx, backend, o.period)
	fmt.Fprintln(out, "stopped")
	return err
}

// mine makes blocks until the context ends.
func mine(ctx context.Context, b *simulated.Backend, period time.Duration) error {
	every := period
	if period == 0 {
		every = 50 * time.Millisecond
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if period == 0 {
			n, err := b.Client().(interface {
				PendingTransactionCount(context.Context) (uint, error)
			}).PendingTransactionCount(ctx)
			if err != nil || n == 0 {
				continue
			}
		}
		b.Commit()
	}
}

// developmentKey derives the key of an account from public text.
func developmentKey(i int) (*keystore.Key, error) {
	secret := sha256.Sum256(fmt.Appendf(nil, "chancery devchain account %d", i))
	key, err := crypto.ToECDSA(secret[:])
	if err != nil {
		return nil, fmt.Errorf("devchain: account %d: %w", i, err)
	}
	return &keystore.Key{Id: [16]byte(secret[:16]), Address: crypto.PubkeyToAddress(key.PublicKey), PrivateKey: key}, nil
}

// writeKey writes a keystore file. One that is there is left alone if it is the same
// account's, since people point other programs at it.
func writeKey(path string, key *keystore.Key) error {
	b, err := keystore.EncryptKey(key, keyPassphrase, keystore.LightScryptN, keystore.LightScryptP)
	if err != nil {
		return fmt.Errorf("devchain: %w", err)
	}
	if old, err := os.ReadFile(path); err == nil {
		k, err := keystore.DecryptKey(old, keyPassphrase)
		if err != nil || k.Address != key.Address {
			return fmt.Errorf("devchain: %s holds something else, and is left alone", filepath.Base(path))
		}
		return nil
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("devchain: %w", err)
	}
	return nil
}
