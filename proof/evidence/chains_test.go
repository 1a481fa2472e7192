package evidence

import "testing"

// TestChainsOfOneID: development chains share ids, and the trust may name several.
func TestChainsOfOneID(t *testing.T) {
	w := smallWorld()
	b := w.bundle(t, plan{}, w.ethAnchor(t, ethPlan{}))
	for _, c := range []struct {
		name  string
		other func(own Chain) []Chain
		want  Outcome
		code  Code
	}{
		{"another first", func(own Chain) []Chain { return []Chain{{ChainID: own.ChainID, GenesisHash: [32]byte{1}}, own} }, Valid, ""},
		{"another behind", func(own Chain) []Chain { return []Chain{own, {ChainID: own.ChainID, GenesisHash: [32]byte{1}}} }, Valid, ""},
		{"others alone", func(own Chain) []Chain {
			return []Chain{{ChainID: own.ChainID, GenesisHash: [32]byte{1}}, {ChainID: own.ChainID, GenesisHash: [32]byte{2}}}
		}, Invalid, ChainMismatch},
		{"another with the senders", func(own Chain) []Chain {
			return []Chain{{ChainID: own.ChainID, GenesisHash: [32]byte{1}, Senders: own.Senders}, {ChainID: own.ChainID, GenesisHash: own.GenesisHash, Beacon: own.Beacon}}
		}, Indeterminate, SenderUnknown},
	} {
		trust := w.trust()
		trust.Chains = c.other(trust.Chains[0])
		if r, _ := b.Verify(Input{Digest: b.Subject.Digest}, trust); r.Outcome != c.want || r.Code != c.code {
			t.Errorf("%s: expected %s %q, found %s", c.name, c.want, string(c.code), describe(r))
		}
	}
}
