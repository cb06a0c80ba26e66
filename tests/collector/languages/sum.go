// SPDX-License-Identifier: GPL-2.0-or-later

// Goroutines that compute parts of one number: sum PARTS STEPS. The test knows what comes out.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
)

func part(x uint32, steps int, out chan<- uint32) {
	for ; steps > 0; steps-- {
		x = x*1664525 + 1013904223
	}
	out <- x
}

func main() {
	parts, _ := strconv.Atoi(os.Args[1])
	steps, _ := strconv.Atoi(os.Args[2])
	out := make(chan uint32)
	sum := uint32(0)
	for i := 0; i < parts; i++ {
		go part(uint32(i), steps, out)
	}
	for i := 0; i < parts; i++ {
		sum += <-out
	}
	fmt.Println("at once", runtime.GOMAXPROCS(0))
	fmt.Println("result", sum)
}
