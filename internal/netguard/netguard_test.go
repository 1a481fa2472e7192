package netguard

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPublic(t *testing.T) {
	for s, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1:248:1893:25c8:1946": true, "::ffff:93.184.216.34": true, "1.1.1.1": true, "100.63.255.255": true, "100.128.0.0": true,
		"172.15.255.255": true, "172.32.0.0": true, "198.17.255.255": true, "198.20.0.0": true, "2003::1": true,
		"::ffff:10.0.0.1": false, "0.1.2.3": false, "255.255.255.255": false, "224.0.0.1": false, "ff02::1": false, "100.127.255.255": false, "100.100.100.200": false, "192.0.2.1": false,
		"198.19.0.1": false, "2001::1": false, "64:ff9b::5db8:d822": false, "64:ff9b:1::a00:1": false, "fec0::1": false, "100::1": false, "fc00::1": false, "fd00:ec2::254": false,
		"::1": false, "::": false, "::7f00:1": false, "::ffff:0:7f00:1": false, "2001:db8::1": false, "2002:7f00:1::": false, "3fff::1": false, "5f00::1": false,
		"127.0.0.1": false, "127.255.255.254": false, "10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.0.1": false, "169.254.169.254": false,
		"192.0.0.192": false, "168.63.129.16": false, "240.0.0.1": false, "198.51.100.7": false, "203.0.113.9": false, "192.88.99.1": false, "fe80::1": false,
	} {
		if got := Public(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s: %v", s, got)
		}
	}
	if Public(netip.MustParseAddr("2606:2800::1%eth0")) || Public(netip.MustParseAddr("fe80::1%eth0")) {
		t.Error("an address with a zone counts as public")
	}
	if Public(netip.Addr{}) {
		t.Error("no address counts as public")
	}
}

// TestNoPrivateAddressIsPublic draws addresses of each refused range, in every form that
// an IPv4 address has in IPv6.
func TestNoPrivateAddressIsPublic(t *testing.T) {
	ranges := append([]netip.Prefix{}, reserved...)
	for _, s := range []string{"10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "fc00::/7", "fe80::/10", "ff00::/8"} {
		ranges = append(ranges, netip.MustParsePrefix(s))
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(ranges).Draw(t, "range")
		raw := p.Addr().AsSlice()
		for i := range raw {
			keep := min(max(p.Bits()-8*i, 0), 8)
			mask := byte(0xff >> keep)
			raw[i] = raw[i]&^mask | rapid.Byte().Draw(t, "byte")&mask
		}
		ip, _ := netip.AddrFromSlice(raw)
		if !p.Contains(ip) {
			t.Fatalf("%v is not in %v", ip, p)
		}
		if Public(ip) && p != netip.MustParsePrefix("::ffff:0:0/96") {
			t.Fatalf("%v of %v counts as public", ip, p)
		}
		if ip.Is4() {
			four := ip.As4()
			for _, prefix := range []string{"::ffff:", "::", "64:ff9b::"} {
				six := netip.MustParseAddr(prefix + netip.AddrFrom4(four).String())
				if Public(six) {
					t.Fatalf("%v counts as public", six)
				}
			}
		}
	})
}

func TestControl(t *testing.T) {
	ctx := context.Background()
	open := Guard{Ports: []int{443}}
	loop := Guard{Ports: []int{443}, InsecureLoopback: true}
	for _, c := range []struct {
		name, network, address string
		g                      Guard
		want                   error
		ok                     bool
	}{
		{"public", "tcp4", "93.184.216.34:443", open, nil, true},
		{"public IPv6", "tcp6", "[2606:2800::1]:443", open, nil, true},
		{"another port", "tcp4", "93.184.216.34:80", open, ErrPort, false},
		{"private", "tcp4", "10.0.0.1:443", open, ErrAddress, false},
		{"loopback", "tcp4", "127.0.0.1:443", open, ErrAddress, false},
		{"mapped loopback", "tcp6", "[::ffff:127.0.0.1]:443", open, ErrAddress, false},
		{"UDP", "udp", "93.184.216.34:443", open, nil, false},
		{"unix", "unix", "/run/docker.sock", open, nil, false},
		{"not an address", "tcp", "localhost:443", loop, ErrAddress, false},
		{"loopback by leave", "tcp4", "127.0.0.1:8080", loop, nil, true},
		{"mapped loopback by leave", "tcp6", "[::ffff:127.0.0.1]:8080", loop, nil, true},
		{"loopback with a zone", "tcp6", "[::1%lo]:443", loop, ErrAddress, false},
		{"leave is for loopback only", "tcp4", "10.0.0.1:443", loop, ErrAddress, false},
		{"unspecified is not loopback", "tcp4", "0.0.0.0:443", loop, ErrAddress, false},
		{"leave opens no port", "tcp4", "93.184.216.34:8080", loop, ErrPort, false},
		{"the zero Guard", "tcp4", "93.184.216.34:443", Guard{}, ErrPort, false},
	} {
		err := c.g.Control(ctx, c.network, c.address, nil)
		if (err == nil) != c.ok || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestDialer: the guard stands between resolving a name and connecting.
func TestDialer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no loopback: ", err)
	}
	defer l.Close()
	var reached atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			c.Close()
		}
	}()
	port := l.Addr().(*net.TCPAddr).Port
	refusing := Guard{Ports: []int{port}}.Dialer(time.Second)
	_, p, _ := net.SplitHostPort(l.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1", "0.0.0.0", "::"} {
		if c, err := refusing.DialContext(context.Background(), "tcp", net.JoinHostPort(host, p)); err == nil {
			c.Close()
			t.Errorf("%s was dialled", host)
		}
	}
	time.Sleep(20 * time.Millisecond)
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
	c, err := Guard{InsecureLoopback: true}.Dialer(time.Second).DialContext(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
