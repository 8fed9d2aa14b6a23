//! The inputs of a fuzz target: those of its corpus, and mutations of them out of a seed.
//!
//! cargo-fuzz, which is guided by what an input reaches, needs a nightly toolchain; this needs none, and a few seconds.
#![warn(missing_docs)]

use std::{env, fs, ops::Range, path::Path, thread};

use fastrand::Rng;

/// What stands for something in one grammar or another.
const TOKENS: [&[u8]; 16] = [
    b"\"",
    b"\\",
    b",",
    b";",
    b"=",
    b"&",
    b"%",
    b"%00",
    b"\n",
    b"*",
    b"(",
    b"{",
    b"]",
    b"\xff",
    b"\xcc\x81",
    b"18446744073709551616",
];
/// The longest input.
const MAX_BYTES: usize = 4096;

/// Calls `target` with each input of `fuzz/corpus/NAME`, and with `n_mutations` of them. The seed is printed; `FUZZ_SEED`
/// sets it, and `FUZZ_MUTATIONS` their number.
///
/// # Panics
/// Where the target does, after the input was printed; and where there is no corpus.
pub fn try_all(name: &str, n_mutations: usize, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("a folder can be read").path()).collect();
    // So that a seed is the same run everywhere.
    paths.sort();
    let corpus: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).expect("a file can be read")).collect();
    assert!(!corpus.is_empty(), "{} has no inputs", folder.display());
    let seed = number("FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    let n_mutations =
        number("FUZZ_MUTATIONS").map_or(n_mutations, |count| usize::try_from(count).unwrap_or(usize::MAX));
    eprintln!("{name}: {} inputs and {n_mutations} mutations, FUZZ_SEED={seed}", corpus.len());
    let try_one = |input: &[u8]| {
        let _shown = ShownOnPanic(input);
        target(input);
    };
    for input in &corpus {
        try_one(input);
    }
    let mut rng = Rng::with_seed(seed);
    for _ in 0..n_mutations {
        try_one(&mutation(&mut rng, &corpus));
    }
}

/// The number in an environment variable.
fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: takes a whole number")))
}

/// Prints the input at which the target panics.
struct ShownOnPanic<'a>(&'a [u8]);

impl Drop for ShownOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the input is b\"{}\"", self.0.escape_ascii());
        }
    }
}

/// One input with a few changes.
fn mutation(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = any(rng, corpus).clone();
    for _ in 0..rng.usize(1..6) {
        let at = part(rng, &input);
        match rng.u8(..6) {
            0 => drop(input.drain(at)),
            1 => {
                let twice = input[at.clone()].to_vec();
                input.splice(at.end..at.end, twice);
            }
            2 => drop(input.splice(at.start..at.start, any(rng, &TOKENS).iter().copied())),
            3 => input[at].iter_mut().for_each(|byte| *byte ^= 1 << rng.u8(..8)),
            4 => drop(input.splice(at, std::iter::repeat_with(|| rng.u8(..)).take(3))),
            _ => {
                let other = any(rng, corpus);
                let with = other[part(rng, other)].to_vec();
                input.splice(at, with);
            }
        }
    }
    input.truncate(MAX_BYTES);
    input
}

/// A part of an input: short ones are as frequent as long ones.
fn part(rng: &mut Rng, input: &[u8]) -> Range<usize> {
    let start = rng.usize(..=input.len());
    let longest = 1 << rng.u8(..8);
    start..(start + rng.usize(..=longest)).min(input.len())
}

fn any<'a, T>(rng: &mut Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.usize(..choices.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_which_mutations() {
        let corpus = [b"name=value".to_vec(), b"*/*;q=0.5".to_vec()];
        let mutations = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..200).map(|_| mutation(&mut rng, &corpus)).collect::<Vec<_>>()
        };
        assert_eq!(mutations(1), mutations(1));
        assert_ne!(mutations(1), mutations(2));
        let of_one = mutations(1);
        assert!(of_one.iter().any(|input| !corpus.contains(input)), "{of_one:?}");
        assert!(of_one.iter().all(|input| input.len() <= MAX_BYTES));
    }
}
