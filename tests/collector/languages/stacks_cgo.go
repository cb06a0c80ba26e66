// SPDX-License-Identifier: GPL-2.0-or-later

// As stacks.go, between Go and C: stacks_cgo STEPS
package main

// #include <stdint.h>
// static volatile uint64_t sink;
// __attribute__((noinline)) static void leaf_of_c(uint64_t steps)
// {
//	for (uint64_t i = 0; i < steps; i++)
//		sink = sink * 31 + i;
// }
// __attribute__((noinline)) static void in_c(uint64_t steps)
// {
//	leaf_of_c(steps);
//	sink++;
// }
import "C"

import (
	"fmt"
	"os"
	"strconv"
)

var sink uint64

//go:noinline
func leaf_of_go(steps uint64) {
	x := sink
	for i := uint64(0); i < steps; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	sink = x
}

//go:noinline
func calls(steps uint64) {
	C.in_c(C.uint64_t(steps))
	sink++
}

func main() {
	steps, _ := strconv.ParseUint(os.Args[1], 10, 64)
	fmt.Println("main.leaf_of_go: runtime.goexit;runtime.main;main.main;main.leaf_of_go")
	fmt.Println("leaf_of_c: runtime.goexit;runtime.main;main.main;main.calls;in_c;leaf_of_c")
	leaf_of_go(steps)
	calls(steps)
}
