// SPDX-License-Identifier: GPL-2.0-or-later

// Burns CPU time in leaf functions, each of which is called in one way only, and says how: stacks_program.c
// says more. What a leaf calls is the runtime's. stacks STEPS
package main

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const depth = 60

var steps int
var sink uint64
var kept []*[64]*int

//go:noinline
func leaf_main() { burn(steps) }

//go:noinline
func leaf_goroutine() { burn(steps) }

//go:noinline
func leaf_deep() { burn(steps) }

//go:noinline
func leaf_deferred() { burn(steps) }

//go:noinline
func leaf_panic() { burn(steps) }

//go:noinline
func leaf_sort() { burn(steps) }

//go:noinline
func leaf_closure() { burn(steps) }

func burn(n int) {
	x := sink
	for i := 0; i < n; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	sink = x
}

// Through the vDSO, for which the runtime goes to another stack.
//
//go:noinline
func leaf_clock() {
	for i := 0; i < steps/60; i++ {
		sink += uint64(time.Now().Nanosecond())
	}
}

//go:noinline
func leaf_system_call() {
	var buffer [1]byte
	null, _ := syscall.Open("/dev/null", syscall.O_WRONLY, 0)
	for i := 0; i < steps/300; i++ {
		n, _ := syscall.Write(null, buffer[:])
		sink += uint64(n)
	}
}

// Now and then on the system's stack.
//
//go:noinline
func leaf_allocates() {
	for i := 0; i < steps/300; i++ {
		if len(kept) == 1000 {
			kept = kept[:0]
		}
		kept = append(kept, new([64]*int))
	}
}

//go:noinline
func large(n int) uint64 {
	var room [4096]byte
	room[n] = 1
	if n > 0 {
		return large(n-1) + uint64(room[0])
	}
	return uint64(room[0])
}

// Each time a stack has to grow.
//
//go:noinline
func leaf_grows(done chan bool) {
	sink += large(60)
	done <- true
}

//go:noinline
func grows() {
	done := make(chan bool)
	for i := 0; i < steps/100000; i++ {
		go leaf_grows(done)
		<-done
	}
}

//go:noinline
func goroutine(done chan bool) {
	leaf_goroutine()
	done <- true
}

//go:noinline
func deep(n int) {
	if n > 1 {
		deep(n - 1)
	} else {
		leaf_deep()
	}
	sink++
}

//go:noinline
func deferred() {
	defer leaf_deferred()
	sink++
}

//go:noinline
func panics() { panic("known") }

//go:noinline
func recovers() {
	defer func() {
		leaf_panic()
		recover()
	}()
	panics()
}

//go:noinline
func sorts() {
	burnt := false
	numbers := []int{3, 1, 2}
	sort.Slice(numbers, func(i, j int) bool {
		if !burnt {
			burnt = true
			leaf_sort()
		}
		return numbers[i] < numbers[j]
	})
}

//go:noinline
func calls(f func()) { f() }

//go:noinline
func clocks() { leaf_clock(); sink++ }

//go:noinline
func allocates() { leaf_allocates(); sink++ }

func say(leaf, stack string) {
	fmt.Printf("main.%s: runtime.goexit;%s;main.%s\n", leaf, stack, leaf)
}

func say_all() {
	all := "runtime.main;main.main"
	say("leaf_main", all)
	say("leaf_goroutine", "main.goroutine")
	say("leaf_deep", all+strings.Repeat(";main.deep", depth))
	say("leaf_deferred", all+";main.deferred")
	say("leaf_panic", all+";main.recovers;main.panics;main.recovers.func1")
	say("leaf_sort", all+";main.sorts;main.sorts.func1")
	say("leaf_closure", all+";main.calls;main.main.func1")
	say("leaf_clock", all+";main.clocks")
	say("leaf_system_call", all)
	say("leaf_allocates", all+";main.allocates")
}

func main() {
	steps, _ = strconv.Atoi(os.Args[1])
	say_all()
	done := make(chan bool)
	leaf_main()
	go goroutine(done)
	<-done
	deep(depth)
	deferred()
	recovers()
	sorts()
	calls(func() { leaf_closure(); sink++ })
	clocks()
	leaf_system_call()
	allocates()
	grows()
}
