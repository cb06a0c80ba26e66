// SPDX-License-Identifier: GPL-2.0-or-later

// Threads that compute parts of one number: sum PARTS STEPS THREADS. The test knows what comes out.
use std::{env, thread};

fn part(mut x: u32, steps: u32) -> u32 {
    for _ in 0..steps {
        x = x.wrapping_mul(1664525).wrapping_add(1013904223);
    }
    x
}

fn main() {
    let words: Vec<u32> = env::args().skip(1).map(|w| w.parse().unwrap()).collect();
    let (parts, steps, threads) = (words[0], words[1], words[2]);
    let workers: Vec<_> = (0..threads)
        .map(|k| {
            thread::spawn(move || {
                (0..parts)
                    .filter(|i| i % threads == k)
                    .fold(0u32, |sum, i| sum.wrapping_add(part(i, steps)))
            })
        })
        .collect();
    let sum = workers
        .into_iter()
        .fold(0u32, |sum, w| sum.wrapping_add(w.join().unwrap()));
    println!("at once {}", threads);
    println!("result {}", sum);
}
