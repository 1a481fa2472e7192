package httpapi

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestDeadline: whatever is asked of it in whatever order, it ends when a context of
// package context would.
func TestDeadline(t *testing.T) {
	wait := func(d *deadline) { <-d.Done() }
	for name, c := range map[string]struct {
		use  func(d *deadline, cancel context.CancelFunc)
		want error
	}{
		"nothing":                  {func(*deadline, context.CancelFunc) {}, nil},
		"waited for":               {func(d *deadline, _ context.CancelFunc) { wait(d) }, context.DeadlineExceeded},
		"asked late":               {func(*deadline, context.CancelFunc) { time.Sleep(time.Second) }, context.DeadlineExceeded},
		"waited for late":          {func(d *deadline, _ context.CancelFunc) { time.Sleep(2 * time.Second); wait(d) }, context.DeadlineExceeded},
		"asked early":              {func(d *deadline, _ context.CancelFunc) { time.Sleep(999 * time.Millisecond) }, nil},
		"ended":                    {func(d *deadline, _ context.CancelFunc) { d.end() }, context.Canceled},
		"ended, then waited for":   {func(d *deadline, _ context.CancelFunc) { d.end(); wait(d) }, context.Canceled},
		"waited for, then ended":   {func(d *deadline, _ context.CancelFunc) { done := d.Done(); d.end(); <-done }, context.Canceled},
		"parent":                   {func(_ *deadline, cancel context.CancelFunc) { cancel() }, context.Canceled},
		"parent, waited for":       {func(d *deadline, cancel context.CancelFunc) { cancel(); wait(d) }, context.Canceled},
		"parent while waited for":  {func(d *deadline, cancel context.CancelFunc) { done := d.Done(); cancel(); <-done }, context.Canceled},
		"ended twice":              {func(d *deadline, _ context.CancelFunc) { d.end(); d.end() }, context.Canceled},
		"over, then ended":         {func(d *deadline, _ context.CancelFunc) { wait(d); d.end() }, context.DeadlineExceeded},
		"a child's end is its own": {func(d *deadline, _ context.CancelFunc) { _, stop := context.WithCancel(d); stop() }, nil},
		"a child is waited for": {func(d *deadline, _ context.CancelFunc) {
			child, stop := context.WithCancel(d)
			defer stop()
			<-child.Done()
		}, context.DeadlineExceeded},
		"a child with less is over": {func(d *deadline, _ context.CancelFunc) {
			child, stop := context.WithTimeout(d, time.Millisecond)
			defer stop()
			<-child.Done()
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(context.WithValue(context.Background(), exchangeKey{}, 1))
				defer cancel()
				d := withDeadline(parent, time.Now, time.Now().Add(time.Second))
				defer d.end()
				c.use(d, cancel)
				if err := d.Err(); !errors.Is(err, c.want) {
					t.Errorf("expected %v, found %v", c.want, err)
				}
				if d.Value(exchangeKey{}) != 1 {
					t.Error("a value was lost")
				}
			})
		})
	}
}

func TestDeadlineOfParent(t *testing.T) {
	now := time.Now()
	early, cancel := context.WithDeadline(context.Background(), now.Add(time.Minute))
	defer cancel()
	for after, want := range map[time.Duration]time.Duration{time.Second: time.Second, time.Hour: time.Minute} {
		d := withDeadline(early, func() time.Time { return now }, now.Add(after))
		if at, ok := d.Deadline(); !ok || !at.Equal(now.Add(want)) {
			t.Errorf("%v: found %v, %v", after, at.Sub(now), ok)
		}
		d.end()
	}
}

// TestDeadlineChildren: contexts made of it are ended by it, without a goroutine each.
func TestDeadlineChildren(t *testing.T) {
	d := withDeadline(context.Background(), time.Now, time.Now().Add(time.Hour))
	before := runtime.NumGoroutine()
	var children []context.Context
	for range 50 {
		child, cancel := context.WithCancel(d)
		defer cancel()
		children = append(children, child)
	}
	if n := runtime.NumGoroutine(); n > before+10 {
		t.Errorf("%d goroutines more", n-before)
	}
	var wg sync.WaitGroup
	for _, child := range children {
		wg.Go(func() { <-child.Done() })
	}
	d.end()
	wg.Wait()
}
