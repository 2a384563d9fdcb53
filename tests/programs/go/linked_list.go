// Command linked_list shows a list of one's own.
package main

import (
	"errors"
	"fmt"
)

// ErrEmpty is returned when there is nothing to take.
var ErrEmpty = errors.New("the list is empty")

/*
Node is one of a list.
It ends with nil.
*/
type Node struct {
	Value int
	Next  *Node // the one behind
}

// List is a singly linked list.
type List struct {
	head *Node
	size int
}

// Add appends a value.
func (l *List) Add(values ...int) *List {
	for _, value := range values {
		at := &l.head
		for *at != nil {
			at = &(*at).Next
		}
		*at = &Node{Value: value}
		l.size++
	}
	return l
}

// Reverse turns the list around.
func (l *List) Reverse() {
	var before *Node
	for n := l.head; n != nil; n.Next, before, n = before, n, n.Next {
	}
	l.head = before
}

// Take removes the first value.
func (l *List) Take() (int, error) {
	if l.head == nil {
		return 0, ErrEmpty
	}
	value := l.head.Value
	l.head = l.head.Next
	l.size--
	return value, nil
}

func main() {
	list := (&List{}).Add(1, 2, 3, 4)
	list.Reverse()
	for n := list.head; n != nil; n = n.Next {
		fmt.Print(n.Value, " -> ")
	}
	fmt.Println(nil)
	for {
		value, err := list.Take()
		if err != nil {
			fmt.Println(err, errors.Is(err, ErrEmpty), list.size)
			break
		}
		fmt.Println(value)
	}
	if _, err := list.Take(); err != nil {
		panic(fmt.Sprintf("%v after %d values", err, 4))
	}
}
