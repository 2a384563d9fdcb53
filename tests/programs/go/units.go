package main

import "fmt"

type ByteSize float64

const (
	_           = iota
	KB ByteSize = 1 << (10 * iota)
	MB
	GB
)

const (
	_ = iota + 5
	_
	Seven
	Eight
)

const _ = uint(Eight - Seven) // fails to compile if negative

func (b ByteSize) String() string {
	switch {
	case b >= GB:
		return fmt.Sprintf("%.2fGB", float64(b/GB))
	case b >= MB:
		return fmt.Sprintf("%.2fMB", float64(b/MB))
	case b >= KB:
		return fmt.Sprintf("%.2fKB", float64(b/KB))
	}
	return fmt.Sprintf("%.0fB", float64(b))
}

func main() {
	fmt.Println(ByteSize(12), 3*KB/2, 5*MB, GB*1000, Seven, Eight)
}
