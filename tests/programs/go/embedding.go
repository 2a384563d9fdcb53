package main

import (
	"fmt"
	"io"
	"strings"
)

type Animal interface {
	Name() string
	Sound() string
}

type base struct{ name string }

func (b *base) Name() string  { return b.name }
func (b *base) Sound() string { return "..." }

type Dog struct {
	*base
	tricks []string
}

func (d Dog) Sound() string { return "woof (not " + d.base.Sound() + ")" }

type Loud struct{ Animal }

func (l Loud) Sound() string { return strings.ToUpper(l.Animal.Sound()) }

type countingWriter struct {
	io.Writer
	written int
}

func (c *countingWriter) Write(p []byte) (int, error) {
	c.written += len(p)
	return c.Writer.Write(p)
}

type Point struct{ X, Y int }

func (p *Point) Move(dx int) { p.X += dx }
func (p Point) Moved(dx int) Point {
	p.X += dx
	return p
}

var (
	_ Animal    = Dog{}
	_ Animal    = (*base)(nil)
	_ io.Writer = (*countingWriter)(nil)
)

func main() {
	dog := Dog{&base{"Rex"}, []string{"sit"}}
	for _, a := range []Animal{dog, Loud{dog}, &base{"thing"}} {
		fmt.Printf("%s says %s\n", a.Name(), a.Sound())
	}
	var text strings.Builder
	w := &countingWriter{Writer: &text}
	fmt.Fprintf(w, "%03d|%v", 7, dog.tricks)
	fmt.Println(text.String(), w.written)
	p := Point{1, 2}
	q := &p
	q.Move(5)
	fmt.Println(p, p.Moved(1), *q == p, Point.Moved(p, 10))
	anonymous := struct {
		Point
		Label string
	}{p, "here"}
	anonymous.Move(1)
	fmt.Printf("%+v\n", anonymous)
	var none Dog
	fmt.Println(none.Name())
}
