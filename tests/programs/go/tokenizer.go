package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode"
)

type Kind int

const (
	Number Kind = iota
	Operator
	Open
	Close
	End
)

func (k Kind) String() string {
	return [...]string{"number", "operator", "open", "close", "end"}[k]
}

type Token struct {
	Kind Kind
	Text string
}

func tokenize(source string) (tokens []Token, err error) {
	runes := []rune(source)
	for i := 0; i < len(runes); {
		start := i
		switch r := runes[i]; {
		case unicode.IsSpace(r):
			i++
		case unicode.IsDigit(r):
			for i < len(runes) && (unicode.IsDigit(runes[i]) || runes[i] == '.') {
				i++
			}
			tokens = append(tokens, Token{Number, string(runes[start:i])})
		case r == '(' || r == ')':
			kind := Open
			if r == ')' {
				kind = Close
			}
			tokens = append(tokens, Token{kind, string(r)})
			i++
		case r == '+', r == '-', r == '*', r == '/':
			tokens = append(tokens, Token{Operator, string(r)})
			i++
		default:
			return nil, fmt.Errorf("unexpected %q at %d", r, i)
		}
	}
	return append(tokens, Token{End, ""}), nil
}

type Parser struct {
	tokens []Token
	at     int
}

func (p *Parser) next() Token {
	token := p.tokens[p.at]
	if token.Kind != End {
		p.at++
	}
	return token
}

func (p *Parser) binary(operators string, operand func() float64) float64 {
	value := operand()
	for {
		token := p.tokens[p.at]
		if token.Kind != Operator || token.Text != operators[:1] && token.Text != operators[1:] {
			return value
		}
		p.at++
		right := operand()
		switch token.Text {
		case "+":
			value += right
		case "-":
			value -= right
		case "*":
			value *= right
		case "/":
			value /= right
		}
	}
}

func (p *Parser) sum() float64     { return p.binary("+-", p.product) }
func (p *Parser) product() float64 { return p.binary("*/", p.atom) }

func (p *Parser) atom() float64 {
	switch token := p.next(); {
	case token.Kind == Number:
		value, err := strconv.ParseFloat(token.Text, 64)
		if err != nil {
			panic(err)
		}
		return value
	case token.Text == "-":
		return -p.atom()
	case token.Kind == Open:
		value := p.sum()
		if p.next().Kind != Close {
			panic(errors.New("no closing bracket"))
		}
		return value
	default:
		panic(fmt.Errorf("unexpected %v %q", token.Kind, token.Text))
	}
}

func evaluate(source string) (value float64, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			value, err = math.NaN(), fmt.Errorf("%s: %w", source, problem.(error))
		}
	}()
	tokens, err := tokenize(source)
	if err != nil {
		return 0, err
	}
	return (&Parser{tokens: tokens}).sum(), nil
}

func main() {
	for _, source := range []string{"1 + 2 * 3", "(1+2)*3 - -4", "2 / 0", "2 +", "(1", "1.2.3", "4 $ 4"} {
		fmt.Println(evaluate(source))
	}
	fmt.Println(tokenize("1*(2)"))
}
