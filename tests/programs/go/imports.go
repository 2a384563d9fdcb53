package main

import "fmt"
import str "strings"

import (
	_ "embed"
	"math/rand/v2"
	"path"
	"unicode/utf16"
)

func main() {
	r := rand.New(rand.NewPCG(1, 2))
	fmt.Println(r.IntN(100), r.Perm(5), r.Float64())
	fmt.Println(str.ToUpper("alias"), path.Join("a", "../b"), utf16.Encode([]rune("😀")))
	path := "a variable may hide a package"
	fmt.Println(path)
	len := func(s string) string { return "hidden " + s }
	fmt.Println(len("builtin"))
}
