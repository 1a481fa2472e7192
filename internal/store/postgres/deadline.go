package postgres

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// roundTrip is how long an answer of the server is waited for. What a statement waits for
	// there is bounded by lock_timeout, and pages and parts bound what it has to do.
	roundTrip = time.Minute
	// A connection on which nothing is said is tried after keepIdle, and is dead when it has
	// been silent for keepCount times keepInterval more: at both ends, so that the locks of a
	// process whose machine has lost its power are free a minute later.
	keepIdle     = 30 * time.Second
	keepInterval = 10 * time.Second
	keepCount    = 3
)

// serverSettings are what a connection asks of the server, where the data source name says
// nothing else. What a statement waits for is bounded, so that one that hangs does not hold
// others.
var serverSettings = map[string]string{
	"lock_timeout":                        "10s",
	"idle_in_transaction_session_timeout": "60s",
	"tcp_keepalives_idle":                 "30",
	"tcp_keepalives_interval":             "10",
	"tcp_keepalives_count":                "3",
	"tcp_user_timeout":                    "60s",
}

// dialer finds out that the other end is gone.
var dialer = net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepIdle, Interval: keepInterval, Count: keepCount}}

// deadline bounds how long each round trip may take, whoever makes it: background work has
// no deadline of its own, and a connection that has died without a word would keep it for
// ever. It does so as a tracer of pgx, whose context a call goes on with. To wait for
// notifications is not a call.
type deadline struct{ limit time.Duration }

var (
	_ pgx.QueryTracer   = deadline{}
	_ pgx.BatchTracer   = deadline{}
	_ pgx.PrepareTracer = deadline{}
)

// bounded is the context of one call.
type bounded struct {
	context.Context
	end context.CancelFunc
}

type unboundedKey struct{}

// unbounded is for migrations, which take as long as tables are large.
func unbounded(ctx context.Context) context.Context {
	return context.WithValue(ctx, unboundedKey{}, true)
}

func (d deadline) start(ctx context.Context) context.Context {
	if ctx.Value(unboundedKey{}) != nil {
		return ctx
	}
	ctx, end := context.WithTimeout(ctx, d.limit)
	return bounded{ctx, end}
}

func (deadline) end(ctx context.Context) {
	if b, ok := ctx.(bounded); ok {
		b.end()
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (d deadline) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return d.start(ctx)
}

// TraceQueryEnd implements pgx.QueryTracer: the rows have been read.
func (d deadline) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	d.end(ctx)
}

// TraceBatchStart implements pgx.BatchTracer.
func (d deadline) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return d.start(ctx)
}

// TraceBatchQuery implements pgx.BatchTracer.
func (deadline) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer: the results have been read.
func (d deadline) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	d.end(ctx)
}

// TracePrepareStart implements pgx.PrepareTracer.
func (d deadline) TracePrepareStart(ctx context.Context, _ *pgx.Conn, _ pgx.TracePrepareStartData) context.Context {
	return d.start(ctx)
}

// TracePrepareEnd implements pgx.PrepareTracer.
func (d deadline) TracePrepareEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TracePrepareEndData) {
	d.end(ctx)
}
