//! Latencies as two rows of blocks: enough to see at a glance that a release is slow, or slow now and then.

/// The blocks of a row by height, in eighths.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// How high the two rows are together, in eighths.
const HEIGHT: usize = 2 * (BLOCKS.len() - 1);

/// A logarithmic axis of latencies in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) from_ms: f64,
    pub(crate) to_ms: f64,
}

impl Axis {
    /// The axis on which all these latencies are; none where there are none.
    #[must_use]
    pub(crate) fn of<'a>(latencies_ms: impl Iterator<Item = &'a f64>) -> Option<Self> {
        // Nobody sees a microsecond, and zero is on no logarithmic axis.
        let latencies = latencies_ms.map(|ms| ms.max(0.001));
        latencies.fold(None, |axis, ms| {
            let axis = axis.unwrap_or(Self { from_ms: ms, to_ms: ms });
            Some(Self { from_ms: axis.from_ms.min(ms), to_ms: axis.to_ms.max(ms) })
        })
    }

    /// The two rows, the upper one first, `width` characters wide. The most frequent latency is as high as both.
    #[must_use]
    pub(crate) fn rows(self, latencies_ms: &[f64], width: usize) -> [String; 2] {
        let mut counts = vec![0_usize; width.max(1)];
        for &ms in latencies_ms {
            counts[self.place(ms, width)] += 1;
        }
        let most = counts.iter().copied().max().unwrap_or_default().max(1);
        // Whatever there is of, is seen.
        let heights: Vec<_> = counts.iter().map(|count| (count * HEIGHT).div_ceil(most)).collect();
        let row = |floor: usize| {
            let blocks =
                heights.iter().map(|height| BLOCKS[height.saturating_sub(floor).min(BLOCKS.len() - 1)]);
            blocks.collect::<String>().trim_end().to_owned()
        };
        [row(HEIGHT / 2), row(0)]
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a row"
    )]
    fn place(self, ms: f64, width: usize) -> usize {
        let span = (self.to_ms / self.from_ms).ln();
        let share = if span > 0.0 { (ms.max(0.001) / self.from_ms).ln() / span } else { 0.0 };
        ((share * width as f64) as usize).min(width.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_release_is_at_the_right_and_rare_latencies_are_seen() {
        let (fast, slow) = ([1.0, 1.0, 1.0, 1.0, 10.0], [100.0; 4]);
        let axis = Axis::of(fast.iter().chain(&slow)).unwrap();
        assert_eq!(axis, Axis { from_ms: 1.0, to_ms: 100.0 });
        assert_eq!(axis.rows(&fast, 4), ["█".to_owned(), "█ ▄".to_owned()]);
        assert_eq!(axis.rows(&slow, 4), ["   █".to_owned(), "   █".to_owned()]);
    }

    #[test]
    fn latencies_that_are_alike_or_missing_are_drawn_too() {
        let axis = Axis::of([5.0, 5.0].iter()).unwrap();
        assert_eq!(axis.rows(&[5.0, 5.0], 3), ["█", "█"]);
        assert_eq!(axis.rows(&[], 3), ["", ""]);
        assert_eq!(Axis::of([].iter()), None);
        assert_eq!(Axis::of([0.0].iter()).unwrap().rows(&[0.0], 3), ["█", "█"]);
    }
}
