// Package netguard keeps a program that dials addresses given by strangers out of its own
// network. A Guard is asked by the dialer at the moment of connecting, with the address
// that a name was resolved to, so that neither rebinding of names, nor numeric or
// translated forms of hosts, nor a proxy of one's own lead anywhere but to public
// addresses.
//
//	guard := netguard.Guard{Ports: []int{443}}
//	transport := &http.Transport{Proxy: nil, DialContext: guard.Dialer(timeout).DialContext}
//
// Caveats. What is public is told from the address alone: a machine of one's own that has a
// public address is dialled. Redirects are the client's to refuse.
package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Errors of a Guard, for errors.Is. Neither holds the address.
var (
	ErrAddress = errors.New("netguard: expected a public address")
	ErrPort    = errors.New("netguard: expected a port that may be dialled")
)

// Guard says what may be dialled. The zero value allows nothing.
type Guard struct {
	// Ports are the TCP ports that may be dialled. Nil: none.
	Ports []int
	// InsecureLoopback lets loopback addresses be dialled, on any port. For tests and
	// development against servers on the same machine.
	InsecureLoopback bool
}

// Dialer returns a dialer that asks g of every address. It resolves names itself; timeout
// bounds one connection, look-up included.
func (g Guard) Dialer(timeout time.Duration) *net.Dialer {
	g.Ports = slices.Clone(g.Ports)
	return &net.Dialer{Timeout: timeout, ControlContext: g.Control}
}

// Control is a net.Dialer's ControlContext: it is called with the address, resolved, that
// the dialer is about to connect to.
func (g Guard) Control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("netguard: expected TCP, found %s", network)
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return ErrAddress
	}
	if g.InsecureLoopback && ap.Addr().Zone() == "" && ap.Addr().Unmap().IsLoopback() {
		return nil
	}
	if !slices.Contains(g.Ports, int(ap.Port())) {
		return ErrPort
	}
	if !Public(ap.Addr()) {
		return ErrAddress
	}
	return nil
}

// reserved are ranges that are unicast by form, but lead into a network of one's own, to
// documentation, or through a translator to either (IANA special-purpose registries), and
// the one address outside them at which a cloud answers its own machines.
var reserved = func() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "2001:2::/48", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10", "100::/64", "100:0:0:1::/64",
		"::/96", "::ffff:0:0/96", "::ffff:0:0:0/96",
		"168.63.129.16/32",
	} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

// Public tells whether an address is a public unicast one. An IPv4 address in IPv6 form is
// judged as what it is.
func Public(ip netip.Addr) bool {
	if ip.Zone() != "" {
		return false
	}
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return false
	}
	return !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) })
}
