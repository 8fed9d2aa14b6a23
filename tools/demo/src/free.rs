//! A stage without a scene: what happens is what somebody says, by keys of a terminal or by words in lines.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use anyhow::{Context as _, ensure};
use sava_testbed::{Cart, Product, client};
use serde_json::json;
use tokio::sync::mpsc;

use crate::{stage::Stage, terminal::RawTerminal};

const OLD: &str = "2.0.1";
const NEW: &str = "3.0.0";
/// Percent of the connections, by one press.
const STEP: u32 = 5;

const HELP: &str = "\
→ ←   share of 3.0.0: more, less (more, less, share 30)
E     it fails 3 of 10 requests, or not any more (errors)
S     it takes 400 to 800 ms, or not any more (slow)
K     kill it (kill)
R     as in the beginning: 2.0.1 has all, and 3.0.0 is well (reset)
Q     end (end)";

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    More,
    Less,
    Share(u32),
    Errors,
    Slow,
    Kill,
    Reset,
    End,
}

impl Wish {
    /// A word in a line, with the percent that follow `share`.
    fn of_words(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let wish = match words.next()? {
            "more" => Self::More,
            "less" => Self::Less,
            "share" => Self::Share(words.next()?.parse().ok().filter(|percent| *percent <= 100)?),
            "errors" => Self::Errors,
            "slow" => Self::Slow,
            "kill" => Self::Kill,
            "reset" => Self::Reset,
            "end" => Self::End,
            _ => return None,
        };
        words.next().is_none().then_some(wish)
    }

    /// What a terminal sends for a key; arrows are `ESC [ C` and `ESC [ D`, or with an `O` in keypad mode.
    fn of_key(key: &[u8]) -> Option<Self> {
        Some(match key {
            [0x1b, b'[' | b'O', b'C'] => Self::More,
            [0x1b, b'[' | b'O', b'D'] => Self::Less,
            [letter] => match letter.to_ascii_lowercase() {
                b'e' => Self::Errors,
                b's' => Self::Slow,
                b'k' => Self::Kill,
                b'r' => Self::Reset,
                b'q' => Self::End,
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// What there is to play with.
struct Toys {
    old: Product,
    /// None when it was killed.
    new: Option<Product>,
    percent: u32,
    fails: bool,
    is_slow: bool,
}

impl Toys {
    async fn grant(&mut self, wish: Wish, stage: &Stage) -> anyhow::Result<()> {
        match wish {
            Wish::More => self.percent = (self.percent + STEP).min(100),
            Wish::Less => self.percent = self.percent.saturating_sub(STEP),
            Wish::Share(percent) => self.percent = percent,
            Wish::Errors => self.fails = !self.fails,
            Wish::Slow => self.is_slow = !self.is_slow,
            Wish::Kill => {
                if let Some(new) = self.new.take() {
                    new.kill();
                }
            }
            Wish::Reset => (self.percent, self.fails, self.is_slow) = (0, false, false),
            Wish::End => {}
        }
        // As Kubernetes starts a container again, once somebody wants something of it.
        if self.new.is_none() && !matches!(wish, Wish::Kill | Wish::End) {
            self.new = Some(Product::start().release(NEW).await);
        }
        if let Some(new) = &self.new {
            let mut faults = json!({});
            if self.fails {
                faults["errorRate"] = 0.3.into();
            }
            if self.is_slow {
                faults["delay"] = "400ms..800ms".into();
            }
            let put = client().put(new.admin_url("/faults").await).body(faults.to_string());
            let answer = put.send().await.context("3.0.0 takes no faults")?;
            ensure!(answer.status() == 200, "3.0.0 takes no faults: {}", answer.status());
        }
        // A Service takes a pod that is gone out of its list.
        let percent = if self.new.is_some() { self.percent } else { 0 };
        let new = self.new.as_ref().map(|new| (new.address(), percent));
        let split: Vec<_> = [(self.old.address(), 100 - percent)].into_iter().chain(new).collect();
        stage.products.split(&split);
        Ok(())
    }

    fn state(&self) -> String {
        let state = match (&self.new, self.fails, self.is_slow) {
            (None, ..) => "killed",
            (Some(_), false, false) => "well",
            (Some(_), true, false) => "failing",
            (Some(_), false, true) => "slow",
            (Some(_), true, true) => "failing and slow",
        };
        format!("3.0.0 has {:>3} % and is {state}", self.percent)
    }
}

/// Plays until somebody wants an end.
pub(crate) async fn free(stage: &mut Stage) -> anyhow::Result<()> {
    stage.step("sava-product 2.0.1 is in production, 3.0.0 is deployed, and the rest is yours")?;
    let old = Product::start().release(OLD).await;
    let new = Some(Product::start().release(NEW).await);
    let front = Cart::start().release("3.0.0").product(&stage.products.url("")).await;
    stage.products.split(&[(old.address(), 1)]);
    stage.fronts.split(&[(front.address(), 1)]);
    stage.show_view("");
    stage.say(HELP);
    let mut toys = Toys { old, new, percent: 0, fails: false, is_slow: false };
    stage.say(toys.state());
    let (sender, mut wishes) = mpsc::unbounded_channel();
    let terminal = RawTerminal::of_stdin().context("the terminal")?;
    // Not the runtime's: it would wait for the reader at its end.
    std::thread::spawn(
        move || if std::io::stdin().is_terminal() { read_keys(&sender) } else { read_lines(&sender) },
    );
    while let Some(wish) = wishes.recv().await {
        match wish {
            Some(Wish::End) => break,
            Some(wish) => {
                toys.grant(wish, stage).await?;
                let now = toys.state();
                stage.mark(&now);
                stage.say(now);
            }
            None => stage.say(HELP),
        }
    }
    drop(terminal);
    stage.leave((toys.old, toys.new, front));
    Ok(())
}

type Wishes = mpsc::UnboundedSender<Option<Wish>>;

/// Sends on what the lines say, until there are no more.
fn read_lines(wishes: &Wishes) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if wishes.send(Wish::of_words(&line)).is_err() {
            break;
        }
    }
}

/// Sends on what keys mean: a terminal that is read without a buffer gives one at a time.
fn read_keys(wishes: &Wishes) {
    let mut key = [0; 8];
    while let Ok(length @ 1..) = std::io::stdin().lock().read(&mut key) {
        let wish = Wish::of_key(&key[..length]);
        // With the end it stops reading: the next key is somebody else's.
        if wishes.send(wish).is_err() || wish == Some(Wish::End) {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_words_mean_the_same() {
        for (key, words, wish) in [
            (&b"\x1b[C"[..], "more", Wish::More),
            (b"\x1bOD", "less", Wish::Less),
            (b"e", "errors", Wish::Errors),
            (b"S", "slow", Wish::Slow),
            (b"k", "kill", Wish::Kill),
            (b"r", " reset ", Wish::Reset),
            (b"q", "end", Wish::End),
        ] {
            assert_eq!((Wish::of_key(key), Wish::of_words(words)), (Some(wish), Some(wish)), "{words}");
        }
        assert_eq!(Wish::of_words("share 30"), Some(Wish::Share(30)));
        for nothing in ["", "share", "share 101", "share x", "kill it"] {
            assert_eq!(Wish::of_words(nothing), None, "{nothing}");
        }
        assert_eq!(Wish::of_key(b"x"), None);
    }
}
