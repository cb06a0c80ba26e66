// SPDX-License-Identifier: GPL-2.0-or-later

// Functions whose names have to be read by people: names TIMES. Methods, type parameters, a closure.
package main

import (
	"fmt"
	"os"
	"strconv"
)

type Number interface{ ~int64 | ~float64 }

type List[T Number] struct{ items []T }

//go:noinline
func (l *List[T]) Sum() T {
	var s T
	for k := 0; k < 200; k++ {
		for _, x := range l.items {
			s = s*3 + x
		}
	}
	return s
}

type Pair struct {
	a int64
	b string
}

//go:noinline
func Walk[T any](all []T, f func(T) int64) int64 {
	var s int64
	for k := 0; k < 200; k++ {
		for _, x := range all {
			s += f(x)
		}
	}
	return s
}

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	l := &List[int64]{make([]int64, 1000)}
	p := make([]Pair, 1000)
	var t int64
	for i := 0; i < n; i++ {
		t += l.Sum() + Walk(p, func(p Pair) int64 { return p.a + int64(len(p.b)) })
	}
	fmt.Println(t)
}
