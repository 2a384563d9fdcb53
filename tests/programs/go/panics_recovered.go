package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

func attempt(name string, f func()) {
	defer func() {
		switch problem := recover().(type) {
		case nil:
			fmt.Println(name, "fine")
		case runtime.Error:
			fmt.Println(name, "runtime:", problem)
		case error:
			fmt.Println(name, "error:", problem)
		default:
			fmt.Printf("%s other: %v (%T)\n", name, problem, problem)
		}
	}()
	f()
}

func named() (n int, err error) {
	defer func() {
		if recover() != nil {
			n, err = -1, errors.New("recovered")
		}
	}()
	panic("in named")
}

func main() {
	var m map[string]int
	var p *struct{ n int }
	numbers, zero := []int{1, 2, 3}, 0
	var anything any = "text"
	attempt("index", func() { fmt.Println(numbers[zero+3]) })
	attempt("slice", func() { fmt.Println(numbers[zero+2 : zero+1]) })
	attempt("divide", func() { fmt.Println(1 / zero) })
	attempt("nil map", func() { m["a"] = 1 })
	attempt("nil pointer", func() { fmt.Println(p.n) })
	attempt("assertion", func() { fmt.Println(anything.(int)) })
	attempt("closed", func() { c := make(chan int); close(c); close(c) })
	attempt("own", func() { panic(fmt.Errorf("wrapped: %w", os.ErrNotExist)) })
	attempt("value", func() { panic(42) })
	attempt("nothing", func() { _ = m["a"] })
	fmt.Println(named())
	defer fmt.Println("deferred 1")
	defer func() {
		defer fmt.Println("deferred in deferred")
		panic("second")
	}()
	panic("first")
}
