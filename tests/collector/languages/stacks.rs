// SPDX-License-Identifier: GPL-2.0-or-later

// Burns CPU time in leaf functions, each of which is called in one way only, and says how: stacks_program.c
// says more. Here panics call them, or are begun by them. stacks STEPS
use std::hint::black_box;
use std::panic::{catch_unwind, set_hook};

const DEEP: u32 = 20;

fn burn(steps: u64) {
    black_box((0..steps).fold(1u64, |x, i| black_box(x.wrapping_mul(6364136223846793005).wrapping_add(i))));
}

macro_rules! leaf {
    ($name:ident) => {
        #[no_mangle]
        #[inline(never)]
        fn $name(steps: u64) {
            burn(steps);
            black_box(stringify!($name)); // or it would be one function with the others
        }
    };
}

leaf!(leaf_plain);
leaf!(leaf_drop);
leaf!(leaf_caught);
leaf!(leaf_closure);
leaf!(leaf_sort);
leaf!(leaf_thread);

struct Guard(u64);

impl Drop for Guard {
    #[inline(always)]
    fn drop(&mut self) {
        leaf_drop(self.0);
    }
}

#[no_mangle]
#[inline(never)]
fn panics() {
    black_box(0);
    panic!("known");
}

#[no_mangle]
#[inline(never)]
fn has_guard(steps: u64) {
    let guard = Guard(steps);
    panics();
    black_box(&guard);
}

#[no_mangle]
#[inline(never)]
fn drops(steps: u64) {
    black_box(catch_unwind(|| has_guard(steps)).is_err());
}

#[no_mangle]
#[inline(never)]
fn catches(steps: u64) {
    if catch_unwind(panics).is_err() {
        leaf_caught(steps);
    }
    black_box(0);
}

/// What is hit is mostly the unwinder, at work for it.
#[no_mangle]
#[inline(never)]
fn leaf_panic() {
    black_box(0);
    std::panic::resume_unwind(Box::new(1));
}

#[no_mangle]
#[inline(never)]
fn deep(n: u32) {
    if n > 1 {
        deep(n - 1);
    } else {
        leaf_panic();
    }
    black_box(n);
}

#[no_mangle]
#[inline(never)]
fn panics_often(steps: u64) {
    for _ in 0..steps / 20000 {
        black_box(catch_unwind(|| deep(DEEP)).is_err());
    }
}

#[no_mangle]
#[inline(never)]
fn calls(f: &dyn Fn()) {
    f();
    black_box(0);
}

#[no_mangle]
#[inline(never)]
fn sorts(steps: u64) {
    let mut numbers = [3, 1, 2];
    let mut burnt = false;
    numbers.sort_by(|a: &i32, b: &i32| {
        if !burnt {
            leaf_sort(steps);
        }
        burnt = true;
        a.cmp(b)
    });
    black_box(numbers);
}

#[no_mangle]
#[inline(never)]
fn in_thread(steps: u64) {
    leaf_thread(steps);
    black_box(0);
}

#[no_mangle]
#[inline(never)]
fn run(steps: u64) {
    leaf_plain(steps);
    drops(steps);
    catches(steps);
    panics_often(steps);
    calls(&|| leaf_closure(steps));
    sorts(steps);
    std::thread::spawn(move || in_thread(steps)).join().unwrap();
}

fn main() {
    let steps = std::env::args().nth(1).unwrap().parse().unwrap();
    for (leaf, stack) in [
        ("leaf_plain", "run"),
        ("leaf_drop", "run;drops;has_guard"),
        ("leaf_caught", "run;catches"),
        ("leaf_closure", "run;calls"),
        ("leaf_sort", "run;sorts"),
        ("leaf_thread", "in_thread"),
    ] {
        println!("{leaf}: {stack};{leaf}");
    }
    println!("leaf_panic: run;panics_often;{}leaf_panic", "deep;".repeat(DEEP as usize));
    set_hook(Box::new(|_| ()));
    run(steps);
}
