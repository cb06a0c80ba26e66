// SPDX-License-Identifier: GPL-2.0-or-later

// Functions whose names have to be read by people: names TIMES. A method of a trait, type parameters, a closure.
trait Step {
    fn step(&self, x: u64) -> u64;
}

struct Twice;

impl Step for Twice {
    #[inline(never)]
    fn step(&self, x: u64) -> u64 {
        (0..1000).fold(x, |s, i| s.wrapping_mul(6364136223846793005).wrapping_add(i ^ s >> 7))
    }
}

#[inline(never)]
fn work<T: Step, F: Fn(u64) -> u64>(t: &T, f: F, times: u64) -> u64 {
    (0..times).fold(0, |s, i| s ^ t.step(i).wrapping_add(f(i)))
}

fn main() {
    let times = std::env::args().nth(1).unwrap().parse().unwrap();
    println!("{}", work(&Twice, |x| (0..1000).fold(x, |s, i| s.wrapping_mul(31).wrapping_add(i ^ s >> 3)), times));
}
