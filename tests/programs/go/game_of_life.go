package main

import (
	"fmt"
	"strings"
)

type World struct {
	alive         map[[2]int]bool
	width, height int
}

func Parse(picture string) World {
	w := World{alive: map[[2]int]bool{}}
	for y, row := range strings.Split(picture, "\n") {
		for x, c := range row {
			if c == '#' {
				w.alive[[2]int{x, y}] = true
			}
		}
		w.width, w.height = len(row), y+1
	}
	return w
}

func (w World) Next() World {
	counts := map[[2]int]int{}
	for cell := range w.alive {
		for dx := -1; dx <= 1; dx++ {
			for dy := -1; dy <= 1; dy++ {
				if dx != 0 || dy != 0 {
					counts[[2]int{(cell[0] + dx + w.width) % w.width, (cell[1] + dy + w.height) % w.height}]++
				}
			}
		}
	}
	next := World{map[[2]int]bool{}, w.width, w.height}
	for cell, n := range counts {
		if n == 3 || n == 2 && w.alive[cell] {
			next.alive[cell] = true
		}
	}
	return next
}

func (w World) String() string {
	var b strings.Builder
	for y := range w.height {
		for x := range w.width {
			if w.alive[[2]int{x, y}] {
				b.WriteRune('█')
			} else {
				b.WriteRune('·')
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func main() {
	world := Parse(".#....\n..#...\n###...\n......\n......")
	for generation := range 4 {
		fmt.Printf("generation %d, %d alive\n%v", generation, len(world.alive), world)
		world = world.Next()
	}
}
