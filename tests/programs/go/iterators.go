package main

import (
	"fmt"
	"iter"
	"slices"
)

func Fibonacci() iter.Seq[int] {
	return func(yield func(int) bool) {
		a, b := 0, 1
		for yield(a) {
			a, b = b, a+b
		}
	}
}

func Enumerate[T any](items []T) iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i, item := range items {
			if !yield(i+1, item) {
				fmt.Println("stopped early")
				return
			}
		}
	}
}

func Take[T any](seq iter.Seq[T], n int) iter.Seq[T] {
	return func(yield func(T) bool) {
		if n <= 0 {
			return
		}
		taken := 0
		for v := range seq {
			if !yield(v) {
				return
			}
			if taken++; taken == n {
				return
			}
		}
	}
}

func main() {
	for n := range Fibonacci() {
		if n > 100 {
			break
		}
		fmt.Print(n, " ")
	}
	fmt.Println()
	for i, s := range Enumerate([]string{"a", "b", "c"}) {
		fmt.Println(i, s)
		if i == 2 {
			break
		}
	}
	fmt.Println(slices.Collect(Take(Fibonacci(), 8)))
	next, stop := iter.Pull(Take(Fibonacci(), 2))
	defer stop()
	for range 3 {
		fmt.Println(next())
	}
	for i := range slices.Values([]int{7, 8}) {
		defer fmt.Println("deferred", i)
	}
}
