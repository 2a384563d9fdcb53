package main

import "fmt"

func grow(s []int) { s = append(s, 99); s[0] = -1 }

func main() {
	base := []int{1, 2, 3, 4, 5}
	part := base[1:3]
	part = append(part, 100)
	fmt.Println(base, part, len(part), cap(part))
	limited := base[1:3:3]
	limited = append(limited, 200)
	fmt.Println(base, limited)
	grow(base)
	fmt.Println(base)
	copied := make([]int, 3)
	fmt.Println(copy(copied, base), copied)
	base = append(base[:1], base[2:]...)
	fmt.Println(base)
	var nothing []int
	fmt.Println(nothing == nil, len(nothing), append(nothing, 1))
	ages := map[string]int{"ann": 31, "bob": 25}
	ages["cid"]++
	delete(ages, "bob")
	age, ok := ages["bob"]
	fmt.Println(ages, age, ok, len(ages))
	type key struct{ x, y int }
	grid := map[key][]string{{1, 2}: {"a"}}
	grid[key{1, 2}] = append(grid[key{1, 2}], "b")
	fmt.Println(grid)
	nested := map[string]map[string]int{}
	for _, pair := range [][2]string{{"x", "a"}, {"x", "b"}, {"y", "a"}} {
		if nested[pair[0]] == nil {
			nested[pair[0]] = map[string]int{}
		}
		nested[pair[0]][pair[1]] += len(nested) * 10
	}
	fmt.Println(nested)
	array := [...]string{2: "c", 0: "a"}
	for i, s := range array {
		fmt.Printf("%d=%q ", i, s)
	}
	fmt.Println(len(array))
	pointer := &array
	pointer[1] = "b"
	fmt.Println(array, *pointer == array)
	clear(ages)
	fmt.Println(ages)
outer:
	for i := range 3 {
		for j := range 3 {
			if j == 2 {
				continue outer
			}
			if i == 2 {
				break outer
			}
			fmt.Print(i, j, " ")
		}
	}
	fmt.Println()
}
