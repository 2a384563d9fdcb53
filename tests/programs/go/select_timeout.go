package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

func slow(ctx context.Context, takes time.Duration) (string, error) {
	select {
	case <-time.After(takes):
		return "done", nil
	case <-ctx.Done():
		return "", fmt.Errorf("slow: %w", ctx.Err())
	}
}

type key string

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	fmt.Println(slow(ctx, time.Millisecond))
	_, err := slow(ctx, time.Minute)
	fmt.Println(err, errors.Is(err, context.DeadlineExceeded))

	ctx2, stop := context.WithCancelCause(context.WithValue(context.Background(), key("user"), "ann"))
	stop(errors.New("no longer wanted"))
	<-ctx2.Done()
	fmt.Println(ctx2.Err(), context.Cause(ctx2), ctx2.Value(key("user")), ctx2.Value(key("none")))

	quit, ticks := make(chan struct{}), make(chan int)
	go func() {
		for i := 0; i < 3; i++ {
			ticks <- i
		}
		close(quit)
	}()
	for running := true; running; {
		select {
		case n := <-ticks:
			fmt.Println("tick", n)
		case <-quit:
			running = false
		}
	}
	select {
	case n := <-ticks:
		fmt.Println("unexpected", n)
	default:
		fmt.Println("nothing to read")
	}
}
