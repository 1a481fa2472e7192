package ethereum

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/beacon"
)

// Beacon is a beacon node that serves light clients.
type Beacon struct {
	// URL of the node's API, without /eth/v1. Required.
	URL string
	// HTTP is required.
	HTTP *http.Client
	// Network is required.
	Network *beacon.Network
}

// finalityPack is the newest pack that was made.
type finalityPack struct {
	bytes []byte
	final *beacon.Finalized
}

const (
	maxFinalityAnswer = 1 << 20
	maxUpdatesAnswer  = 8 << 20
)

// finality returns a pack about a final block at or after a height: anchor.ErrPending
// where the newest is before. All batches that become final with one block share a pack.
func (c *Chain) finality(ctx context.Context, number uint64) (*finalityPack, error) {
	c.packs.Lock()
	defer c.packs.Unlock()
	if c.pack != nil && c.pack.final.BlockNumber >= number {
		return c.pack, nil
	}
	pack, err := c.c.Beacon.fetch(ctx)
	if err != nil {
		return nil, err
	}
	c.pack = pack
	if pack.final.BlockNumber < number {
		return nil, fmt.Errorf("%w: the beacon node's final block is %d", anchor.ErrPending, pack.final.BlockNumber)
	}
	return pack, nil
}

// Check finds out whether the node serves what a finality pack is made of.
func (b *Beacon) Check(ctx context.Context) error {
	_, err := b.fetch(ctx)
	return err
}

// fetch makes a pack of what the node serves now. It is checked, but for whether its
// committee is one to trust: that is for verifiers.
func (b *Beacon) fetch(ctx context.Context) (*finalityPack, error) {
	body, err := b.get(ctx, "/eth/v1/beacon/light_client/finality_update", maxFinalityAnswer)
	if err != nil {
		return nil, err
	}
	update, err := b.Network.ParseFinalityUpdate(body)
	if err != nil {
		return nil, err
	}
	period, err := b.Network.PeriodOf(update.SignatureSlot)
	if err != nil {
		return nil, err
	}
	if period == 0 {
		return nil, errors.New("ethereum: the beacon chain is in its first period, whose committee no update names")
	}
	body, err = b.get(ctx, fmt.Sprintf("/eth/v1/beacon/light_client/updates?start_period=%d&count=1", period-1), maxUpdatesAnswer)
	if err != nil {
		return nil, err
	}
	updates, err := b.Network.ParseUpdates(body)
	if err != nil {
		return nil, err
	}
	pack, err := b.Network.BuildPack(beacon.Source{Finality: update, Updates: updates})
	if err != nil {
		return nil, err
	}
	encoded, err := pack.Encode()
	if err != nil {
		return nil, err
	}
	final, err := beacon.Verify(pack, &beacon.Trust{Network: b.Network, Committees: map[uint64]beacon.Root{period: pack.Committee.Root()}})
	if err != nil {
		return nil, err
	}
	return &finalityPack{bytes: encoded, final: final}, nil
}

func (b *Beacon) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	if b.HTTP == nil {
		return nil, fmt.Errorf("%w: expected an HTTP client for the beacon node", anchor.ErrConfig)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(b.URL, "/")+path, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: the beacon node's URL", anchor.ErrConfig)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := b.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ethereum: beacon node: %w", errors.Unwrap(err)) // the URL may hold a key
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ethereum: beacon node: %w", err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("ethereum: beacon node: expected status 200, found %d", resp.StatusCode)
	case int64(len(body)) > limit:
		return nil, fmt.Errorf("ethereum: beacon node: expected at most %d bytes", limit)
	}
	return body, nil
}
