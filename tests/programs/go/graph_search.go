package main

import (
	"container/heap"
	"fmt"
	"strings"
)

type Edge struct {
	to     string
	length int
}

type Graph map[string][]Edge

func (g Graph) Connect(a, b string, length int) {
	g[a] = append(g[a], Edge{b, length})
	g[b] = append(g[b], Edge{a, length})
}

func (g Graph) BreadthFirst(start string) (order []string) {
	seen := map[string]bool{start: true}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		order = append(order, queue[0])
		for _, edge := range g[queue[0]] {
			if !seen[edge.to] {
				seen[edge.to] = true
				queue = append(queue, edge.to)
			}
		}
	}
	return
}

type path struct {
	stops  []string
	length int
}

type paths []path

func (p paths) Len() int           { return len(p) }
func (p paths) Less(i, j int) bool { return p[i].length < p[j].length }
func (p paths) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *paths) Push(x any)        { *p = append(*p, x.(path)) }
func (p *paths) Pop() (last any) {
	last, *p = (*p)[len(*p)-1], (*p)[:len(*p)-1]
	return
}

func (g Graph) Shortest(from, to string) (path, error) {
	open, done := &paths{{[]string{from}, 0}}, map[string]bool{}
	for open.Len() > 0 {
		best := heap.Pop(open).(path)
		at := best.stops[len(best.stops)-1]
		if at == to {
			return best, nil
		}
		if done[at] {
			continue
		}
		done[at] = true
		for _, edge := range g[at] {
			stops := append(append([]string{}, best.stops...), edge.to)
			heap.Push(open, path{stops, best.length + edge.length})
		}
	}
	return path{}, fmt.Errorf("no way from %s to %s", from, to)
}

func main() {
	g := Graph{}
	g.Connect("A", "B", 7)
	g.Connect("A", "C", 3)
	g.Connect("C", "B", 1)
	g.Connect("B", "D", 2)
	g.Connect("X", "Y", 1)
	fmt.Println(g.BreadthFirst("A"))
	best, err := g.Shortest("A", "D")
	fmt.Println(strings.Join(best.stops, ">"), best.length, err)
	_, err = g.Shortest("A", "Y")
	fmt.Println(err)
}
