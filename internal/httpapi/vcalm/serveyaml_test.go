package vcalm_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chancery-dev/chancery/internal/config"
)

// TestServeYAML: the configuration for the W3C's suites is in order, with an instance for
// each suite and type of key, and nobody can start it for the world.
func TestServeYAML(t *testing.T) {
	text := must(os.ReadFile(filepath.Join("..", "..", "..", "docs", "conformance", "serve.yaml")))(t)
	c := must(config.Load(config.Source{Name: "serve.yaml", File: text}))(t)
	wanted := map[string]bool{}
	for suite, types := range map[string][]string{
		"eddsa-rdfc-2022": {"Ed25519"}, "eddsa-jcs-2022": {"Ed25519"}, "Ed25519Signature2020": {"Ed25519"},
		"ecdsa-rdfc-2019": {"P-256", "P-384"}, "ecdsa-jcs-2019": {"P-256", "P-384"}, "ecdsa-sd-2023": {"P-256"}, "vc+jwt": {"Ed25519", "P-256"},
	} {
		for _, k := range types {
			wanted[suite+" "+k] = true
		}
	}
	seeds := map[string]bool{}
	for _, in := range c.VCALM {
		if !wanted[in.Suite+" "+in.KeyType] || !in.Open || in.FailureStatus != 400 || seeds[in.Seed.Reveal()] {
			t.Errorf("unexpected instance %s", in.Name)
		}
		delete(wanted, in.Suite+" "+in.KeyType)
		seeds[in.Seed.Reveal()] = true
	}
	if len(wanted) != 0 {
		t.Errorf("no instance for %v", wanted)
	}
	if c.Profile != "conformance" || !c.TLS.SelfSigned || c.Limits.PerKey != 0 || c.Limits.PerAddress != 0 {
		t.Errorf("profile %s, self-signed %t, rates %g and %g", c.Profile, c.TLS.SelfSigned, c.Limits.PerKey, c.Limits.PerAddress)
	}
	for setting, value := range map[string]string{"listen": "0.0.0.0:8443", "profile": "normal"} {
		if _, err := config.Load(config.Source{Name: "serve.yaml", File: text, Settings: map[string]string{setting: value}}); err == nil {
			t.Errorf("started with %s %s", setting, value)
		}
	}
}
