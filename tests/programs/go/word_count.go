package main

import (
	"bufio"
	"fmt"
	"sort"
	"strings"
)

const text = `The quick brown fox jumps over the lazy dog.
The dog sleeps; the fox, however, does not sleep.`

func main() {
	counts := map[string]int{}
	scanner := bufio.NewScanner(strings.NewReader(strings.ToLower(text)))
	scanner.Split(bufio.ScanWords)
	for scanner.Scan() {
		counts[strings.Trim(scanner.Text(), ".,;")]++
	}
	type pair struct {
		word  string
		count int
	}
	var pairs []pair
	for word, count := range counts {
		pairs = append(pairs, pair{word, count})
	}
	sort.Slice(pairs, func(i, j int) bool {
		if pairs[i].count != pairs[j].count {
			return pairs[i].count > pairs[j].count
		}
		return pairs[i].word < pairs[j].word
	})
	for _, p := range pairs[:5] {
		fmt.Printf("%8s %s\n", p.word, strings.Repeat("*", p.count))
	}
	fmt.Println(counts)
}
