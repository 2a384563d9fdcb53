package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	reader := bufio.NewReader(os.Stdin)
	fmt.Print("Name? ")
	line, err := reader.ReadString('\n')
	fmt.Printf("%q %v\n", line, err)
	var n int
	count, err := fmt.Scan(&n)
	fmt.Println(count, err)
	scanner := bufio.NewScanner(os.Stdin)
	fmt.Println(scanner.Scan(), scanner.Err())
	rest, err := io.ReadAll(os.Stdin)
	fmt.Println(len(rest), err)
	if _, err := fmt.Sscanf("12 apples", "%d %s", &n, &line); err == nil {
		fmt.Println(n, line)
	}
}
