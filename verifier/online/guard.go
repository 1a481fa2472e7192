package online

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// errAddress is what dialling an address that is not public answers.
var errAddress = errors.New("online: expected a public address")

// guard checks every address at the moment of connecting, after names were resolved.
type guard struct {
	loopback bool
	ports    []int
}

// control is called by the dialer with the address that it is about to connect to.
func (g guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("online: expected TCP, found %s", network)
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errAddress
	}
	if ip := ap.Addr().Unmap(); g.loopback && ip.IsLoopback() && ap.Addr().Zone() == "" {
		return nil
	}
	if !slices.Contains(g.ports, int(ap.Port())) {
		return fmt.Errorf("online: expected one of the ports %v, found %d", g.ports, ap.Port())
	}
	if !public(ap.Addr()) {
		return errAddress
	}
	return nil
}

// reserved are ranges that are unicast by form, but lead into a network of one's own,
// to documentation, or through a translator to either (IANA special-purpose
// registries).
var reserved = func() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10", "100::/64", "::/96", "::ffff:0:0/96",
	} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

// public tells whether an address is a public unicast one.
func public(ip netip.Addr) bool {
	if ip.Zone() != "" {
		return false
	}
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return false
	}
	return !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) })
}
