//! What a run found.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::Context as _;

use crate::effort::Effort;

/// What a run did, and what it found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run, as it is named on the command line.
    pub run: &'static str,
    /// What its random choices came from.
    pub seed: u64,
    /// How long it took.
    pub took: Duration,
    /// What was done, counted.
    pub figures: BTreeMap<&'static str, u64>,
    /// What must not have happened and did; empty where all went well.
    pub findings: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, seed, took, .. } = self;
        writeln!(formatter, "{run}, seed {seed}, {:.0} s", took.as_secs_f64())?;
        for (name, count) in &self.figures {
            writeln!(formatter, "  {count:>9} {name}")?;
        }
        if self.findings.is_empty() {
            return write!(formatter, "  nothing found");
        }
        for finding in &self.findings {
            writeln!(formatter, "  FOUND {finding}")?;
        }
        write!(formatter, "  to repeat it: cargo xtask soak {run} --seed {seed}")
    }
}

impl Report {
    /// Writes its row into a page in Markdown, in place of the run's last one, into the table of that effort: the one
    /// between `<!-- figures: full -->` and `<!-- end of figures -->`, say.
    ///
    /// # Errors
    /// When the page has no such table.
    pub fn note(&self, page: &str, effort: Effort) -> anyhow::Result<String> {
        const END: &str = "<!-- end of figures -->";
        let start = format!("<!-- figures: {} -->", effort.name());
        let lacks = |mark: &str| format!("it has no mark {mark}");
        let (before, rest) = page.split_once(&start).with_context(|| lacks(&start))?;
        let (table, after) = rest.split_once(END).with_context(|| lacks(END))?;
        let name = format!("| `{}` |", self.run);
        let mut rows: Vec<_> = table.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        match rows.iter_mut().find(|row| row.starts_with(&name)) {
            Some(row) => *row = self.row(),
            None => rows.push(self.row()),
        }
        Ok(format!("{before}{start}\n\n{}\n\n{END}{after}", rows.join("\n")))
    }

    fn row(&self) -> String {
        let Self { run, seed, took, figures, findings } = self;
        let figures: Vec<_> = figures.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let found = if findings.is_empty() { "nothing".to_owned() } else { findings.join("; ") };
        format!("| `{run}` | {seed} | {:.0} s | {} | {found} |", took.as_secs_f64(), figures.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# Figures

<!-- figures: full -->

| run | seed | took | what was done | found |
| --- | --- | --- | --- | --- |
| `disk` | 1 | 2 s | 3 orders acknowledged | nothing |

<!-- end of figures -->

<!-- figures: short -->

| run | seed | took | what was done | found |
| --- | --- | --- | --- | --- |
| `disk` | 1 | 1 s | 1 orders acknowledged | nothing |

<!-- end of figures -->

The end.
";

    #[test]
    fn a_row_takes_the_place_of_the_last_one_of_its_run() -> anyhow::Result<()> {
        let figures = BTreeMap::from([("orders acknowledged", 9)]);
        let report =
            Report { run: "disk", seed: 7, took: Duration::from_secs(5), figures, findings: Vec::new() };
        let page = report.note(PAGE, Effort::Full)?;
        let row = "| `disk` | 7 | 5 s | 9 orders acknowledged | nothing |";
        assert_eq!(page, PAGE.replace("| `disk` | 1 | 2 s | 3 orders acknowledged | nothing |", row));

        let report = Report { run: "clock", findings: vec!["a page of 9 s".to_owned()], ..report };
        let page = report.note(&page, Effort::Short)?;
        assert!(page.contains("1 orders acknowledged | nothing |\n| `clock` | 7 | 5 s | 9 orders acknowledged | a page of 9 s |\n\n<!-- end"), "{page}");
        assert!(page.ends_with("\n\nThe end.\n"));
        Ok(())
    }

    #[test]
    fn a_page_without_marks_is_refused() {
        let report = Report {
            run: "disk",
            seed: 7,
            took: Duration::ZERO,
            figures: BTreeMap::new(),
            findings: Vec::new(),
        };
        let error = report.note("# Figures\n", Effort::Full).unwrap_err();
        assert_eq!(error.to_string(), "it has no mark <!-- figures: full -->");
    }
}
