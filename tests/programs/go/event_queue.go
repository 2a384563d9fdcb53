package main

import (
	"container/heap"
	"fmt"
)

type Event struct {
	at       int
	name     string
	action   func(*Simulation)
	sequence int
}

type Simulation struct {
	now, made int
	queue     queue
}

type queue []*Event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].sequence < q[j].sequence
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*Event)) }
func (q *queue) Pop() any {
	n := len(*q) - 1
	event := (*q)[n]
	*q = (*q)[:n]
	return event
}

func (s *Simulation) After(delay int, name string, action func(*Simulation)) {
	s.made++
	heap.Push(&s.queue, &Event{s.now + delay, name, action, s.made})
}

func (s *Simulation) Run(until int) {
	for s.queue.Len() > 0 && s.queue[0].at <= until {
		event := heap.Pop(&s.queue).(*Event)
		s.now = event.at
		fmt.Printf("%3d %s\n", s.now, event.name)
		if event.action != nil {
			event.action(s)
		}
	}
}

func arrive(n int) func(*Simulation) {
	return func(s *Simulation) {
		s.After(4, fmt.Sprintf("customer %d leaves", n), nil)
		s.After(3, fmt.Sprintf("customer %d arrives", n+1), arrive(n+1))
	}
}

func main() {
	var s Simulation
	s.After(0, "customer 1 arrives", arrive(1))
	s.After(7, "coffee break", nil)
	s.Run(12)
	fmt.Println(s.queue.Len(), "events left")
}
