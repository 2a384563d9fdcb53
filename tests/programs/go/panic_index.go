package main

import (
	"fmt"
	"os"
)

func last(items []string, n int) string { return items[len(items)-n] }

func main() {
	fmt.Println(last([]string{"a", "b"}, 2))
	fmt.Fprintln(os.Stderr, "on stderr before")
	fmt.Println(last([]string{"a", "b"}, 3))
}
