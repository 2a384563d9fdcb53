package main

import "fmt"

type State uint8

const (
	Red State = iota
	Green
	Yellow
	states = iota
)

const (
	KB = 1 << (10 * (iota + 1))
	MB
	GB
)

type Flags uint

const (
	Read Flags = 1 << iota
	Write
	Execute
)

var names = map[State]string{Red: "red", Green: "green", Yellow: "yellow"}

func (s State) String() string { return names[s] }

func (f Flags) Has(other Flags) bool { return f&other == other }

type transition func(State) State

func main() {
	next := map[State]transition{
		Red:    func(State) State { return Green },
		Green:  func(s State) State { return s + 1 },
		Yellow: func(s State) State { return (s + 1) % states },
	}
	for state, step := Red, 0; step < 7; state, step = next[state](state), step+1 {
		switch state {
		case Red:
			fmt.Print("stop ")
			fallthrough
		case Yellow:
			fmt.Print("slow ")
		case Green:
			fmt.Print("go ")
		}
		fmt.Printf("%v %d|", state, state)
	}
	fmt.Println()
	fmt.Println(KB, MB, GB, states, Read|Execute, (Read | Execute).Has(Write), Write.Has(Write))
}
