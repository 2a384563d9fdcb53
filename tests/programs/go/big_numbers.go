package main

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
)

func factorial(n int64) *big.Int {
	return new(big.Int).MulRange(1, n)
}

func main() {
	fmt.Println(factorial(40), factorial(40).BitLen())
	a, b := big.NewInt(0), big.NewInt(1)
	for range 300 {
		a.Add(a, b)
		a, b = b, a
	}
	fmt.Println(a)
	fmt.Println(new(big.Int).Exp(big.NewInt(2), big.NewInt(1000), big.NewInt(1_000_007)))
	fmt.Println(big.NewInt(982451653).ProbablyPrime(20))
	third := big.NewRat(1, 3)
	fmt.Println(third.Add(third, big.NewRat(1, 6)), third.FloatString(5))
	root := new(big.Float).SetPrec(200).Sqrt(new(big.Float).SetPrec(200).SetInt64(2))
	fmt.Println(root.Text('f', 50))
	huge, ok := new(big.Int).SetString("ffffffffffffffffffff", 16)
	fmt.Println(huge, ok)
	high, low := bits.Mul64(math.MaxUint64, 3)
	fmt.Println(high, low, bits.OnesCount(255), bits.Reverse8(0b1101), bits.Len(1000))
	fmt.Println(math.MaxInt64, uint64(math.MaxUint64), math.Inf(1), math.NaN(), -0.0)
	var small int8 = 127
	small++
	fmt.Println(small, -17/5, -17%5, -17>>2, 7&^5, 1<<10|3)
	fmt.Println(0.1+0.2, float32(0.1), 1e21, 100.0, 1e-7, complex(1, 2)*complex(0, 1))
	x, y := 0.1, 0.2
	fmt.Println(x+y, x+y == 0.3, math.Round(2.5), math.Trunc(-2.7), int(-2.7+x))
}
