package main

import (
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

func isPalindrome(s string) bool {
	var letters []rune
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			letters = append(letters, unicode.ToLower(r))
		}
	}
	for i, j := 0, len(letters)-1; i < j; i, j = i+1, j-1 {
		if letters[i] != letters[j] {
			return false
		}
	}
	return true
}

func main() {
	s := "naïve 日本語 😀👍🏽 Straße"
	fmt.Println(s, len(s), utf8.RuneCountInString(s))
	fmt.Println(strings.ToUpper(s), strings.Title("hello wörld"))
	for i, r := range "é日😀" {
		fmt.Printf("%d:%c:%U:%d ", i, r, r, utf8.RuneLen(r))
	}
	fmt.Println()
	fmt.Printf("%q %+q %x %v\n", "日\n", "日\n", "日", []byte("日"))
	for _, p := range []string{"A man, a plan, a canal: Panama", "été", "Русский"} {
		fmt.Println(p, isPalindrome(p))
	}
	fmt.Println(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Han, r) {
			return -1
		}
		return r
	}, s))
	fmt.Println(`raw \n "string"
on two lines`, '\u00e9', string(rune(0x1F600)))
	fmt.Fprintln(os.Stderr, "ошибка ✗")
	fmt.Println(utf8.ValidString("a\xffb"), strings.ToValidUTF8("a\xffb", "?"))
}
