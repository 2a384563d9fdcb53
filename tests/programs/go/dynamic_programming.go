package main

import "fmt"

func knapsack(weights, values []int, limit int) int {
	best := make([]int, limit+1)
	for i, w := range weights {
		for room := limit; room >= w; room-- {
			best[room] = max(best[room], best[room-w]+values[i])
		}
	}
	return best[limit]
}

func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

func lis(numbers []int) (longest []int) {
	length, before := make([]int, len(numbers)), make([]int, len(numbers))
	end := -1
	for i := range numbers {
		length[i], before[i] = 1, -1
		for j := range i {
			if numbers[j] < numbers[i] && length[j]+1 > length[i] {
				length[i], before[i] = length[j]+1, j
			}
		}
		if end < 0 || length[i] > length[end] {
			end = i
		}
	}
	for ; end >= 0; end = before[end] {
		longest = append([]int{numbers[end]}, longest...)
	}
	return
}

func main() {
	fmt.Println(knapsack([]int{1, 3, 4, 5}, []int{1, 4, 5, 7}, 7))
	fmt.Println(distance("kitten", "sitting"), distance("", "abc"))
	fmt.Println(lis([]int{10, 9, 2, 5, 3, 7, 101, 18}))
	var ways [101]int
	ways[0] = 1
	for _, coin := range []int{1, 5, 10, 25, 50} {
		for sum := coin; sum <= 100; sum++ {
			ways[sum] += ways[sum-coin]
		}
	}
	fmt.Println(ways[100])
}
