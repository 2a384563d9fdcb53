package main

import (
	"fmt"
	"sync"
	"sync/atomic"
)

type SafeMap struct {
	sync.RWMutex
	counts map[string]int
}

func (m *SafeMap) Add(key string) {
	m.Lock()
	defer m.Unlock()
	m.counts[key]++
}

func main() {
	m := SafeMap{counts: map[string]int{}}
	var total atomic.Int64
	var once sync.Once
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			m.Add([]string{"even", "odd"}[i%2])
			total.Add(int64(i))
			once.Do(func() { fmt.Println("only once") })
		}()
	}
	wg.Wait()
	m.RLock()
	fmt.Println(m.counts, total.Load())
	m.RUnlock()

	var mu sync.Mutex
	cond := sync.NewCond(&mu)
	ready := false
	go func() {
		mu.Lock()
		ready = true
		mu.Unlock()
		cond.Broadcast()
	}()
	mu.Lock()
	for !ready {
		cond.Wait()
	}
	mu.Unlock()
	var shared sync.Map
	shared.Store("k", 1)
	value, loaded := shared.LoadOrStore("k", 2)
	fmt.Println(ready, value, loaded)
}
