package main

import "fmt"

func generate(limit int) <-chan int {
	out := make(chan int)
	go func() {
		defer close(out)
		for i := 2; i <= limit; i++ {
			out <- i
		}
	}()
	return out
}

func filter(in <-chan int, prime int) <-chan int {
	out := make(chan int, 1)
	go func() {
		defer close(out)
		for n := range in {
			if n%prime != 0 {
				out <- n
			}
		}
	}()
	return out
}

func main() {
	numbers := generate(60)
	for {
		prime, ok := <-numbers
		if !ok {
			break
		}
		fmt.Print(prime, " ")
		numbers = filter(numbers, prime)
	}
	fmt.Println()
	buffered := make(chan string, 3)
	buffered <- "a"
	buffered <- "b"
	fmt.Println(len(buffered), cap(buffered))
	close(buffered)
	for s := range buffered {
		fmt.Print(s)
	}
	s, ok := <-buffered
	fmt.Printf("%q %t\n", s, ok)
}
