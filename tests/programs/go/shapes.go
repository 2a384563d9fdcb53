package main

import (
	"fmt"
	"math"
	"sort"
)

type Shape interface {
	Area() float64
	Perimeter() float64
}

type Circle struct{ Radius float64 }
type Rectangle struct{ Width, Height float64 }

type Square struct {
	Rectangle
	Label string
}

func (c Circle) Area() float64         { return math.Pi * c.Radius * c.Radius }
func (c Circle) Perimeter() float64    { return 2 * math.Pi * c.Radius }
func (r Rectangle) Area() float64      { return r.Width * r.Height }
func (r Rectangle) Perimeter() float64 { return 2 * (r.Width + r.Height) }
func (s Square) String() string        { return "square " + s.Label }

func describe(s Shape) string {
	switch v := s.(type) {
	case Circle:
		return fmt.Sprintf("circle of radius %g", v.Radius)
	case Square:
		return v.String()
	case fmt.Stringer:
		return "never"
	default:
		return fmt.Sprintf("%T %+v", v, v)
	}
}

func main() {
	shapes := []Shape{Circle{1.5}, Rectangle{1, 7}, Square{Rectangle{2, 2}, "small"}}
	sort.Slice(shapes, func(i, j int) bool { return shapes[i].Area() < shapes[j].Area() })
	for _, shape := range shapes {
		fmt.Printf("%-24s %7.3f %7.3f\n", describe(shape), shape.Area(), shape.Perimeter())
	}
	_, ok := shapes[0].(fmt.Stringer)
	fmt.Println(ok, shapes[0] == Shape(Square{Rectangle{2, 2}, "small"}))
	fmt.Printf("%v %+v %#v %T\n", shapes[0], shapes[1], shapes[2], shapes[2])
	var nothing Shape
	fmt.Println(nothing == nil)
	fmt.Println(nothing.Area())
}
