package main

import (
	"fmt"
	"strings"
)

type Matrix [][]float64

func Identity(n int) Matrix {
	m := make(Matrix, n)
	for i := range m {
		m[i] = make([]float64, n)
		m[i][i] = 1
	}
	return m
}

func (m Matrix) Times(o Matrix) Matrix {
	if len(m[0]) != len(o) {
		panic(fmt.Sprintf("sizes differ: %d and %d", len(m[0]), len(o)))
	}
	product := make(Matrix, len(m))
	for i := range m {
		product[i] = make([]float64, len(o[0]))
		for j := range o[0] {
			for k := range o {
				product[i][j] += m[i][k] * o[k][j]
			}
		}
	}
	return product
}

func (m Matrix) String() string {
	var b strings.Builder
	for _, row := range m {
		for _, x := range row {
			fmt.Fprintf(&b, "%6.2f", x)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func power(m Matrix, n int) Matrix {
	result := Identity(len(m))
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result = result.Times(m)
		}
		m = m.Times(m)
	}
	return result
}

func main() {
	fmt.Print(power(Matrix{{1, 1}, {1, 0}}, 12))
	var grid [3][4]int
	for i := range grid {
		for j := range grid[i] {
			grid[i][j] = i * j
		}
	}
	copied := grid
	copied[2][3] = 99
	fmt.Println(grid, copied == grid, len(grid[0]))
	fmt.Print(Matrix{{1, 2, 3}}.Times(Matrix{{1}, {2}, {3}}))
	Matrix{{1, 2}}.Times(Matrix{{1}})
}
