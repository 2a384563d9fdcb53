package main

import (
	"fmt"
	"os"
)

func main() {
	defer fmt.Println("never")
	fmt.Println("before")
	fmt.Fprintln(os.Stderr, "fatal: giving up")
	os.Exit(3)
}
