package main

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"sort"
	"strings"
)

type Person struct {
	Name string
	Age  int
}

type byAge []Person

func (p byAge) Len() int           { return len(p) }
func (p byAge) Less(i, j int) bool { return p[i].Age < p[j].Age }
func (p byAge) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }

type intHeap []int

func (h intHeap) Len() int           { return len(h) }
func (h intHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h intHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *intHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *intHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

func quick(a []int) []int {
	if len(a) < 2 {
		return a
	}
	var less, more []int
	for _, x := range a[1:] {
		if x < a[0] {
			less = append(less, x)
		} else {
			more = append(more, x)
		}
	}
	return append(append(quick(less), a[0]), quick(more)...)
}

func main() {
	people := []Person{{"Ann", 31}, {"Bob", 25}, {"Cid", 31}, {"Dee", 7}}
	sort.Stable(byAge(people))
	fmt.Println(people)
	slices.SortFunc(people, func(a, b Person) int {
		return cmp.Or(-cmp.Compare(a.Age, b.Age), strings.Compare(a.Name, b.Name))
	})
	fmt.Println(people)
	numbers := []int{5, -3, 8, 0, 8, 1}
	fmt.Println(quick(numbers), numbers)
	h := intHeap(slices.Clone(numbers))
	heap.Init(&h)
	heap.Push(&h, 4)
	for h.Len() > 0 {
		fmt.Print(heap.Pop(&h), " ")
	}
	fmt.Println()
	slices.Sort(numbers)
	at, found := slices.BinarySearch(numbers, 8)
	fmt.Println(at, found, sort.SearchInts(numbers, 2), slices.Compact(numbers), slices.Index(numbers, 9))
	fmt.Println(sort.IsSorted(sort.Reverse(sort.IntSlice(numbers))))
}
