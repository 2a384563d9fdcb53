package main

import (
	"fmt"
	"sort"
	"strings"
)

type Pair[K comparable, V any] struct {
	Key   K
	Value V
}

func (p Pair[K, V]) String() string { return fmt.Sprintf("%v=>%v", p.Key, p.Value) }

func (p *Pair[K, _]) Set(key K) { p.Key = key }

type Set[T comparable] map[T]struct{}

func (s Set[T]) String() string {
	parts := make([]string, 0, len(s))
	for item := range s {
		parts = append(parts, fmt.Sprint(item))
	}
	sort.Strings(parts)
	return "{" + strings.Join(parts, ",") + "}"
}

func (s Set[T]) Len() int { return len(s) }

type Queue[T any] []T

func (q Queue[T]) Len() int { return len(q) }

func (q *Queue[T]) Add(items ...T) { *q = append(*q, items...) }

func main() {
	p := Pair[string, int]{"a", 1}
	p.Set("b")
	s := Set[int]{3: {}, 1: {}}
	var q Queue[fmt.Stringer]
	q.Add(p, s, Pair[bool, Set[string]]{true, Set[string]{"x": {}}})
	fmt.Println(p, s, s.Len(), q.Len(), q)
}
