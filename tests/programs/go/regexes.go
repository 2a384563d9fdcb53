package main

import (
	"fmt"
	"regexp"
	"strings"
)

var line = regexp.MustCompile(`(?m)^(?P<day>\d{4}-\d\d-\d\d) \[(?P<level>[A-Z]+)\] (.*)$`)

func main() {
	log := "2024-01-05 [INFO] started\nnoise\n2024-01-06 [ERROR] disk \"/dev/sda\" is full\n"
	for _, m := range line.FindAllStringSubmatch(log, -1) {
		fmt.Printf("%s %-5s %q\n", m[line.SubexpIndex("day")], m[2], m[3])
	}
	fmt.Println(line.FindStringIndex(log), line.SubexpNames(), line.NumSubexp())
	mail := regexp.MustCompile(`[\w.]+@[\w.]+\w`)
	fmt.Println(mail.FindAllString("Ask ann@example.com or bob.b@mail.example.org.", -1))
	fmt.Println(regexp.MustCompile(`(\d+)-(\d+)`).ReplaceAllString("10-20 30-40", "$2:$1"))
	fmt.Println(regexp.MustCompile(`\b\w`).ReplaceAllStringFunc("make title case", strings.ToUpper))
	fmt.Printf("%q\n", regexp.MustCompile(`\s*[,;]\s*`).Split("a , b;c", -1))
	_, err := regexp.Compile(`(unclosed`)
	fmt.Println(err)
	regexp.MustCompile(`a**`)
}
