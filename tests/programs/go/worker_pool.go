package main

import (
	"fmt"
	"sync"
)

type job struct{ id, n int }

type result struct {
	id, sum int
}

func worker(jobs <-chan job, results chan<- result, wg *sync.WaitGroup) {
	defer wg.Done()
	for j := range jobs {
		sum := 0
		for d := j.n; d > 0; d /= 10 {
			sum += d % 10
		}
		results <- result{j.id, sum}
	}
}

func main() {
	jobs, results := make(chan job), make(chan result)
	var wg sync.WaitGroup
	for i := 0; i < 4; i++ {
		wg.Add(1)
		go worker(jobs, results, &wg)
	}
	go func() {
		for i := range 20 {
			jobs <- job{i, i * 12345}
		}
		close(jobs)
		wg.Wait()
		close(results)
	}()
	sums := make([]int, 20)
	for r := range results {
		sums[r.id] = r.sum
	}
	fmt.Println(sums)
}
