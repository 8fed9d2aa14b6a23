//! What the shoppers come for, and how often.

use std::str::FromStr;

use clap::ValueEnum;
use fastrand::Rng;

/// What a shopper comes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Errand {
    /// Looks at the list and at a product.
    Browse,
    /// Searches, where the release can.
    Search,
    /// Puts a product into the cart.
    Fill,
    /// Puts a product into the cart and orders it.
    Buy,
}

/// How often each errand is run, as weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mix(Vec<(Errand, u32)>);

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = "takes weights such as browse=6,search=2,fill=1,buy=1";
        let weight = |part: &str| {
            let (name, weight) = part.split_once('=').ok_or(wrong)?;
            let errand = Errand::from_str(name.trim(), true).map_err(|_| wrong)?;
            let weight = weight.trim().parse().ok().filter(|weight| *weight <= 1_000).ok_or(wrong)?;
            Ok::<_, &str>((errand, weight))
        };
        let weights = text.split(',').map(weight).collect::<Result<Vec<_>, _>>()?;
        if weights.iter().all(|(_, weight)| *weight == 0) {
            return Err(wrong.to_owned());
        }
        Ok(Self(weights))
    }
}

impl Mix {
    /// The next errand, by chance.
    #[must_use]
    pub(crate) fn draw(&self, rng: &mut Rng) -> Errand {
        let total: u32 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut ticket = rng.u32(..total);
        for &(errand, weight) in &self.0 {
            if ticket < weight {
                return errand;
            }
            ticket -= weight;
        }
        Errand::Browse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errands_come_by_their_weights() {
        let mix: Mix = "browse=3, buy=1,fill=0".parse().unwrap();
        let mut rng = Rng::with_seed(3);
        let n_buys = (0..4_000).filter(|_| mix.draw(&mut rng) == Errand::Buy).count();
        assert!((900..1_100).contains(&n_buys), "{n_buys}");
    }

    #[test]
    fn mix_without_shoppers_is_refused() {
        for text in ["", "browse", "browse=-1", "steal=1", "browse=0", "buy=99999"] {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
    }
}
