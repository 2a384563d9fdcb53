package main

import "fmt"

func main() {
	fmt.Println("main waits")
	done := make(chan bool)
	go func() {
		panic("nobody recovers this\nand it has two lines")
	}()
	<-done
}
