//! What is wrong with a data file, and where.

use std::fmt;

/// How many mistakes are told in full; more of them are only counted.
pub(super) const MAX_TOLD: usize = 100;

/// One mistake in a data file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in the line, in characters, from 1.
    pub column: usize,
    /// Whose mistake it is, such as `product 3 of ie`, where that is known.
    pub subject: Option<String>,
    /// The field that is wrong, where it is one.
    pub field: Option<&'static str>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: ", self.line, self.column)?;
        if let Some(subject) = &self.subject {
            write!(formatter, "{subject}: ")?;
        }
        if let Some(field) = self.field {
            write!(formatter, "{field}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

/// All that is wrong with a data file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// In the order of the file; at most [`MAX_TOLD`].
    pub told: Vec<Mistake>,
    /// How many there are in all.
    pub total: usize,
}

/// Collects mistakes while a file is read, by their byte offset.
#[derive(Default)]
pub(super) struct Collector {
    found: Vec<(usize, Mistake)>,
    total: usize,
}

impl Collector {
    /// Notes a mistake at the byte `offset` of the file.
    pub(super) fn note(
        &mut self,
        offset: usize,
        subject: Option<&str>,
        field: Option<&'static str>,
        message: impl Into<String>,
    ) {
        self.total += 1;
        if self.found.len() < MAX_TOLD {
            let subject = subject.map(str::to_owned);
            let mistake = Mistake { line: 0, column: 0, subject, field, message: message.into() };
            self.found.push((offset, mistake));
        }
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Whether further mistakes are only counted.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MAX_TOLD
    }

    /// The mistakes with their places in `file`, or none.
    pub(super) fn finish(mut self, file: &str) -> Result<(), Mistakes> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort_by_key(|(offset, _)| *offset);
        let (mut line, mut line_start, mut counted_to) = (1, 0, 0);
        let told = self.found.into_iter().map(|(offset, mistake)| {
            for (position, _) in file[counted_to..offset].match_indices('\n') {
                line += 1;
                line_start = counted_to + position + 1;
            }
            counted_to = offset;
            Mistake { line, column: file[line_start..offset].chars().count() + 1, ..mistake }
        });
        Err(Mistakes { told: told.collect(), total: self.total })
    }
}
