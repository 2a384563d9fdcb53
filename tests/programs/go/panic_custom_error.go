package main

import "fmt"

type ConfigError struct {
	File string
	Line int
}

func (e ConfigError) Error() string { return fmt.Sprintf("%s:%d: bad key", e.File, e.Line) }

func load() error { return fmt.Errorf("load: %w", ConfigError{"app.conf", 3}) }

func main() {
	fmt.Println("starting")
	fmt.Print("an unfinished line")
	if err := load(); err != nil {
		panic(err)
	}
}
