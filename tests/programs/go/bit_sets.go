package main

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
)

type BitSet []uint64

func (b *BitSet) Add(n int) {
	for len(*b) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

func (b BitSet) Has(n int) bool { return n/64 < len(b) && b[n/64]>>(n%64)&1 == 1 }

func (b BitSet) String() string {
	var parts []string
	for word, bits := range b {
		for ; bits != 0; bits &= bits - 1 {
			low, at := bits&-bits, 0
			for low > 1 {
				low >>= 1
				at++
			}
			parts = append(parts, fmt.Sprint(word*64+at))
		}
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func main() {
	var set BitSet
	for _, n := range []int{3, 64, 7, 130, 3} {
		set.Add(n)
	}
	fmt.Println(set, set.Has(64), set.Has(65), len(set))
	x, y := 5, 9
	x, y = x^y, x
	y ^= x
	fmt.Println(x, y, ^0, uint8(x*20)+100, int8(-128)>>7, 1<<3|1<<0, 0b1010&^0b0010, 0o17, 0x_ff)
	gray := make([]string, 8)
	for i := range gray {
		gray[i] = fmt.Sprintf("%03b", i^i>>1)
	}
	fmt.Println(gray)
	fmt.Printf("%x\n%x\n", md5.Sum([]byte("abc")), sha256.Sum256(nil))
	fmt.Println(base64.StdEncoding.EncodeToString([]byte("any carnal thing")), hex.EncodeToString([]byte("hi")), crc32.ChecksumIEEE([]byte("x")))
	buffer := binary.BigEndian.AppendUint32(nil, 0xCAFE)
	fmt.Println(buffer, binary.LittleEndian.Uint32(buffer))
	_, err := base64.StdEncoding.DecodeString("not base64!")
	fmt.Println(err)
}
