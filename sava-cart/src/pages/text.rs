//! Tables of plain text, aligned, for terminals.

use std::fmt::Write as _;

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    /// At the right, as numbers do.
    Right,
}

/// A table: a line of headings, and lines of as many cells.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with those columns.
    #[must_use]
    pub(crate) fn new(columns: Vec<(&'static str, Align)>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a line; it has a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<_> = cells.into_iter().map(|cell| printable(&cell)).collect();
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }
}

/// One line of text: control characters are not for somebody else's terminal.
#[must_use]
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl std::fmt::Display for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = |column: usize| {
            let heading = self.columns[column].0.chars().count();
            self.rows.iter().map(|row| row[column].chars().count()).fold(heading, usize::max)
        };
        let widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        let headings: Vec<_> = self.columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        for cells in std::iter::once(&headings).chain(&self.rows) {
            let mut line = String::new();
            for ((cell, (_, align)), &width) in cells.iter().zip(&self.columns).zip(&widths) {
                match align {
                    Align::Left => write!(line, "{cell:<width$}  ")?,
                    Align::Right => write!(line, "{cell:>width$}  ")?,
                }
            }
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table =
            Table::new(vec![("id", Align::Right), ("product", Align::Left), ("price", Align::Right)]);
        table.row(["3".into(), "Fixie".into(), "€1,234.00".into()]);
        table.row(["12".into(), "Bóthar beanie".into(), "€5.00".into()]);
        assert_eq!(
            table.to_string(),
            "id  product            price\n \
             3  Fixie          €1,234.00\n\
             12  Bóthar beanie      €5.00\n"
        );
    }

    #[test]
    fn a_title_cannot_steer_the_terminal() {
        assert_eq!(printable("red\u{1b}[31m\nnews"), "red [31m news");
    }
}
