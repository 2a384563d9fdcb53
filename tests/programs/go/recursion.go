package main

import (
	"fmt"
	"strings"
)

func hanoi(n int, from, to, via string, move func(int, string, string)) {
	if n == 0 {
		return
	}
	hanoi(n-1, from, via, to, move)
	move(n, from, to)
	hanoi(n-1, via, to, from, move)
}

func permutations(items []int) (all [][]int) {
	if len(items) == 0 {
		return [][]int{{}}
	}
	for i := range items {
		rest := append(append([]int{}, items[:i]...), items[i+1:]...)
		for _, tail := range permutations(rest) {
			all = append(all, append([]int{items[i]}, tail...))
		}
	}
	return
}

func queens(size, row int, columns []int, found *[][]int) {
	if row == size {
		*found = append(*found, append([]int(nil), columns...))
		return
	}
next:
	for c := range size {
		for r, other := range columns {
			if other == c || other-c == row-r || c-other == row-r {
				continue next
			}
		}
		queens(size, row+1, append(columns, c), found)
	}
}

func ackermann(m, n int) int {
	switch {
	case m == 0:
		return n + 1
	case n == 0:
		return ackermann(m-1, 1)
	}
	return ackermann(m-1, ackermann(m, n-1))
}

func main() {
	moves := 0
	hanoi(5, "A", "C", "B", func(disk int, from, to string) {
		moves++
		if disk == 5 {
			fmt.Println("disk 5:", from, "to", to)
		}
	})
	fmt.Println(moves, permutations([]int{1, 2, 3}), ackermann(2, 3))
	var found [][]int
	queens(8, 0, nil, &found)
	fmt.Println(len(found), "solutions")
	for _, c := range found[0] {
		fmt.Println(strings.Repeat(".", c) + "Q" + strings.Repeat(".", 7-c))
	}
}
