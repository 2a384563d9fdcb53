package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
)

var ErrUnknown = errors.New("unknown account")

type InsufficientFunds struct {
	Who     string
	Missing int
}

func (e *InsufficientFunds) Error() string {
	return fmt.Sprintf("%s lacks %d.%02d", e.Who, e.Missing/100, e.Missing%100)
}

type Bank struct {
	balances map[string]int
}

func (b *Bank) Deposit(who string, cents int) {
	if b.balances == nil {
		b.balances = make(map[string]int)
	}
	b.balances[who] += cents
}

func (b *Bank) Transfer(from, to string, cents int) error {
	have, ok := b.balances[from]
	if !ok {
		return fmt.Errorf("transfer from %q: %w", from, ErrUnknown)
	}
	if have < cents {
		return &InsufficientFunds{from, cents - have}
	}
	b.balances[from] -= cents
	b.Deposit(to, cents)
	return nil
}

func main() {
	var bank Bank
	bank.Deposit("ann", 10050)
	fmt.Println(bank.Transfer("ann", "bob", 3025))
	err := bank.Transfer("bob", "ann", 9999)
	var lack *InsufficientFunds
	if errors.As(err, &lack) {
		fmt.Println("refused:", err, lack.Missing)
	}
	err = bank.Transfer("eve", "ann", 1)
	fmt.Println(err, errors.Is(err, ErrUnknown), errors.Unwrap(err) == ErrUnknown)
	names := make([]string, 0)
	for name := range bank.balances {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Printf("%-5s %8.2f\n", name, float64(bank.balances[name])/100)
	}
	fmt.Fprintln(os.Stderr, "audit done")
}
