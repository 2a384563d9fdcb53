package main

import (
	"fmt"
	"strings"
)

type Middleware func(func(string) string) func(string) string

type Option func(*server)

type server struct {
	host string
	port int
}

func WithPort(port int) Option { return func(s *server) { s.port = port } }

func New(host string, options ...Option) *server {
	s := &server{host, 80}
	for _, option := range options {
		option(s)
	}
	return s
}

func counter() (func() int, func()) {
	n := 0
	return func() int { n++; return n }, func() { n = 0 }
}

func memoize(f func(int) int) func(int) int {
	known := map[int]int{}
	return func(n int) int {
		if v, ok := known[n]; ok {
			return v
		}
		known[n] = f(n)
		return known[n]
	}
}

func variadic(prefix string, values ...any) string {
	return prefix + fmt.Sprint(len(values), values)
}

func main() {
	next, reset := counter()
	next()
	fmt.Print(next(), next())
	reset()
	fmt.Println(next())
	calls := 0
	var fib func(int) int
	fib = memoize(func(n int) int {
		calls++
		if n < 2 {
			return n
		}
		return fib(n-1) + fib(n-2)
	})
	fmt.Println(fib(80), calls)
	var shout Middleware = func(f func(string) string) func(string) string {
		return func(s string) string { return strings.ToUpper(f(s)) + "!" }
	}
	fmt.Println(shout(strings.TrimSpace)("  hello "))
	fmt.Println(*New("localhost", WithPort(8080)), *New("other"))
	var funcs []func()
	for i := 0; i < 3; i++ {
		funcs = append(funcs, func() { fmt.Print(i) })
	}
	for _, f := range funcs {
		f()
	}
	fmt.Println(variadic("x", 1, "a", nil), variadic("y", []any{1, 2}...))
	length := (*strings.Builder).Len
	method := (&server{"h", 1}).describe
	fmt.Println(length(&strings.Builder{}), method())
	defer func(s string) { fmt.Println("deferred", s) }(func() string { fmt.Println("evaluated now"); return "later" }())
}

func (s *server) describe() string { return fmt.Sprintf("%s:%d", s.host, s.port) }
