//! What is wrong with a data file, and where.

use std::fmt;

use super::data_file::DataFile;

/// How many mistakes are reported in full; more of them are only counted.
pub(crate) const MAX_TOLD: usize = 100;

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
    pub reported: Vec<Mistake>,
    /// How many there are in all.
    pub total: usize,
}

/// Collects mistakes while a file is read, by their byte offset.
#[derive(Default)]
pub(super) struct Collector {
    found: Vec<Noted>,
    total: usize,
}

struct Noted {
    /// Of the mistake.
    offset: usize,
    /// Of what the message ends with: its line.
    other: Option<usize>,
    /// Without its place.
    mistake: Mistake,
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
        self.note_beside(offset, subject, field, message, None);
    }

    /// Notes a mistake whose message ends with the line of another byte of the file.
    pub(super) fn note_beside(
        &mut self,
        offset: usize,
        subject: Option<&str>,
        field: Option<&'static str>,
        message: impl Into<String>,
        other: Option<usize>,
    ) {
        self.total += 1;
        if self.found.len() < MAX_TOLD {
            let subject = subject.map(str::to_owned);
            let mistake = Mistake { line: 0, column: 0, subject, field, message: message.into() };
            self.found.push(Noted { offset, other, mistake });
        }
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The mistakes with their places in `file`, or none.
    pub(super) fn finish(mut self, file: &DataFile) -> Result<(), Mistakes> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort_by_key(|found| found.offset);
        let places =
            file.places(self.found.iter().flat_map(|found| [Some(found.offset), found.other]).flatten());
        let place = |offset| places.get(&offset).copied().unwrap_or_default();
        let reported = self.found.into_iter().map(|Noted { offset, other, mut mistake }| {
            if let Some(other) = other {
                mistake.message = format!("{} {}", mistake.message, place(other).line);
            }
            let place = place(offset);
            Mistake { line: place.line, column: place.characters_before + 1, ..mistake }
        });
        Err(Mistakes { reported: reported.collect(), total: self.total })
    }
}
