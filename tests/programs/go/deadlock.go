package main

import "fmt"

func main() {
	c := make(chan int)
	fmt.Println("sending to nobody")
	c <- 1
	fmt.Println("never")
}
