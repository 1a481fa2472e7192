package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// address finds who asks: the peer of the connection, or, where that is a trusted proxy,
// the last address of X-Forwarded-For that is not one. Whatever stands left of it was
// written by the client and is not believed. Who may open a Unix socket is such a proxy;
// where it names nobody, the address is the zero one, which has one limit for all.
func (a *api) address(r *http.Request) netip.Addr {
	peer := parseAddr(r.RemoteAddr)
	if bySocket(r) { // whatever the peer has bound its end to
		peer = netip.Addr{}
	} else if len(a.Trusted) == 0 || !a.trusted(peer) {
		return peer
	}
	list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(list) - 1; i >= 0; i-- {
		addr := parseAddr(strings.TrimSpace(list[i]))
		if !addr.IsValid() {
			return peer
		}
		peer = addr
		if !a.trusted(addr) {
			return addr
		}
	}
	return peer
}

// bySocket reports whether a request has come through a Unix socket.
func bySocket(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && local.Network() == "unix"
}

func (a *api) trusted(addr netip.Addr) bool {
	for _, p := range a.Trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func parseAddr(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// inTheClear reports whether a request has come without TLS from somebody who is not a
// proxy that ends it.
func (a *api) inTheClear(r *http.Request) bool {
	if r.TLS != nil || r.URL.Path == "/livez" || r.URL.Path == "/readyz" {
		return false
	}
	peer := parseAddr(r.RemoteAddr)
	return !peer.IsLoopback() && !a.trusted(peer) && !bySocket(r)
}

// byAddress is what limits are counted by: one customer usually has a whole /64 of IPv6.
func byAddress(addr netip.Addr) bucketKey { return bucketKey{network: masked(addr, 32, 64)} }

// coarse is the part of an address that may be kept: it names no household.
func coarse(addr netip.Addr) string {
	if p := masked(addr, 24, 48); p.IsValid() {
		return p.String()
	}
	return ""
}

func masked(addr netip.Addr, v4, v6 int) netip.Prefix {
	bits := v6
	if addr.Is4() {
		bits = v4
	}
	p, err := addr.Prefix(bits)
	if err != nil { // of the zero address
		return netip.Prefix{}
	}
	return p
}
