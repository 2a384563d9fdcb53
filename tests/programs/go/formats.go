package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

type point struct {
	X, Y int
	name *string
}

type secret string

func (secret) String() string   { return "***" }
func (secret) GoString() string { return "secret" }

func main() {
	fmt.Printf("%d|%5d|%-5d|%05d|%+d|%x|%X|%o|%b|%c|%U|%q\n", 42, 42, 42, 42, 42, 255, 255, 8, 5, 'é', 'é', 'x')
	fmt.Printf("%f|%.2f|%8.3f|%e|%g|%G|%6.1f%%\n", 3.14159, 3.14159, 3.14159, 123456.789, 1e-10, 1e20, 99.5)
	fmt.Printf("%s|%10s|%-10s|%.2s|%q|%x|% x|%t|%v\n", "go", "go", "go", "golang", "a\tb", "hi", "hi", true, nil)
	fmt.Printf("%v|%+v|%T\n", point{1, 2, nil}, point{1, 2, nil}, point{})
	fmt.Printf("%v|%#v|%s|%d\n", secret("x"), secret("x"), []secret{"a"}, []int{1, 2})
	fmt.Printf("%v|%#v|%v|%T\n", map[string]int{"b": 1, "a": 2}, []string{"x"}, [2]bool{true}, func(int) error { return nil })
	fmt.Printf("%*d|%-*d|%[2]d %[1]d|%6.2[3]f\n", 5, 1, 4)
	fmt.Printf("%d %s\n", "text", 5)
	fmt.Printf("%d\n", 1, 2)
	fmt.Printf("%d %d\n", 1)
	fmt.Printf("%!\n")
	fmt.Println(fmt.Sprint("a", 1, 2, "b", "c", 3.0), fmt.Sprintln("end"))
	fmt.Fprint(os.Stdout, "x", "y", "\n")
	fmt.Println(strconv.Quote("é\n"), strconv.Itoa(7), strconv.FormatInt(-255, 16), strconv.AppendBool(nil, true))
	_, err := strconv.Atoi("12a")
	_, overflow := strconv.ParseInt("300", 10, 8)
	fmt.Println(err, overflow)
	fmt.Println(strings.Repeat("=", 20), strings.EqualFold("Go", "GO"), strings.TrimLeft("xxabc", "x"), strings.Fields(" a  b "))
	before, after, found := strings.Cut("key=value", "=")
	fmt.Println(before, after, found, strings.Split("a,b,,c", ","), strings.NewReplacer("a", "1", "b", "2").Replace("abc"))
	println("to stderr", 1, true)
}
