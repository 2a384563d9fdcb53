package main

import (
	"flag"
	"fmt"
	"os"
)

func run(args []string) int {
	flags := flag.NewFlagSet("tool", flag.ContinueOnError)
	name := flags.String("name", "nobody", "who is greeted")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	fmt.Println("hello", *name, flags.Args())
	return 0
}

func main() {
	fmt.Println(len(os.Args))
	fmt.Println(run([]string{"-name", "ann", "rest"}))
	fmt.Println(run([]string{"-wrong"}))
	os.Exit(run(os.Args[1:]))
}
