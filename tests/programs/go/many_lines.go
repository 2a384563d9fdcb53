package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

func main() {
	for i := range 5000 {
		fmt.Println("line", i)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for i := range 5000 {
		fmt.Fprintf(out, "buffered %d\n", i)
	}
	fmt.Fprintln(out, strings.Repeat("é日😀", 20000))
	for i := range 1000 {
		fmt.Fprint(os.Stderr, ".")
		if i%100 == 99 {
			fmt.Fprintln(os.Stderr, i)
		}
	}
}
