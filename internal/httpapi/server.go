package httpapi

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"
)

// Bounds of the server. A slow client holds a connection no longer than these; operations
// that stream put their deadlines off.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 2 * time.Minute
	writeTimeout      = 3 * time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
	streamTimeout     = 30 * time.Minute
)

// Server returns a server for a handler of New, with bounds on time and headers, TLS 1.2
// or later and HTTP/2 over TLS. The caller sets Addr, certificates and listens; Shutdown
// lets requests in flight finish.
func Server(c Config, h http.Handler) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if c.Logger != nil {
		s.ErrorLog = slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug)
	}
	return s
}
