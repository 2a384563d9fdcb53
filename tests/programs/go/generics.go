package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

type Number interface {
	~int | ~int64 | ~float64
}

type Celsius float64

func Sum[T Number](values ...T) (total T) {
	for _, v := range values {
		total += v
	}
	return
}

func Map[A, B any](in []A, f func(A) B) []B {
	out := make([]B, 0, len(in))
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}

func Reduce[A, B any](in []A, start B, f func(B, A) B) B {
	for _, a := range in {
		start = f(start, a)
	}
	return start
}

type Stack[T any] struct{ items []T }

func (s *Stack[T]) Push(item T) { s.items = append(s.items, item) }

func (s *Stack[T]) Pop() (T, bool) {
	var zero T
	if len(s.items) == 0 {
		return zero, false
	}
	item := s.items[len(s.items)-1]
	s.items = s.items[:len(s.items)-1]
	return item, true
}

type Tree[K cmp.Ordered, V any] struct {
	left, right *Tree[K, V]
	key         K
	value       V
}

func (t *Tree[K, V]) Insert(key K, value V) *Tree[K, V] {
	if t == nil {
		return &Tree[K, V]{key: key, value: value}
	}
	switch c := cmp.Compare(key, t.key); {
	case c < 0:
		t.left = t.left.Insert(key, value)
	case c > 0:
		t.right = t.right.Insert(key, value)
	default:
		t.value = value
	}
	return t
}

func (t *Tree[K, V]) Walk(visit func(K, V)) {
	if t != nil {
		t.left.Walk(visit)
		visit(t.key, t.value)
		t.right.Walk(visit)
	}
}

func main() {
	fmt.Println(Sum(1, 2, 3), Sum(1.5, 2), Sum[Celsius](20, 1.5))
	words := strings.Fields("generic code is type safe")
	fmt.Println(Map(words, func(s string) int { return len(s) }))
	fmt.Println(Reduce(words, "", func(acc, s string) string { return acc + s[:1] }))
	var stack Stack[string]
	for _, w := range words {
		stack.Push(w)
	}
	top, ok := stack.Pop()
	fmt.Println(top, ok, len(stack.items))
	var tree *Tree[string, int]
	for i, w := range words {
		tree = tree.Insert(w, i)
	}
	tree.Walk(func(k string, v int) { fmt.Print(k, "=", v, " ") })
	fmt.Println()
	fmt.Println(slices.Sorted(maps.Keys(map[int]bool{3: true, 1: false})), slices.Max(words), min(3, 1, 2))
	fmt.Printf("%T %T\n", stack, tree)
}
