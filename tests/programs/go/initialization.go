package main

import "fmt"

var (
	second  = note("first by place", 2)
	first   = note("second by place", 1)
	derived = later * 10
	later   = note("needed by another", 4)
	_       = note("blank", 0)
	b, a    = note("b", 5), note("a", 6)
)

var quotient, remainder = divide(17, 5)

var _ = note("blank again", 0)

func divide(n, d int) (int, int) {
	fmt.Println("divide")
	return n / d, n % d
}

func note(what string, n int) int {
	fmt.Println(what)
	return n
}

func init() {
	fmt.Println("init one", first, second)
	first = 100
}

func init() { fmt.Println("init two", first) }

func main() {
	fmt.Println(derived, later, a, b, quotient, remainder)
}

func init() { fmt.Println("init three") }
