//! The tutorial as a list of steps: what a reader pastes, and what the text says that follows.
//!
//! Fenced blocks of `sh` are commands, and a block of `text` after one is what it prints. A comment before a block, which
//! readers do not see, says what is special about it:
//!
//! | comment | meaning |
//! | --- | --- |
//! | `<!-- run: again -->` | the commands only look: they are repeated until they print what the text says |
//! | `<!-- run: terminal -->` | runs in a terminal of its own until the end |
//! | `<!-- run: fails -->` | the last command is meant to fail |
//! | `<!-- run: always -->` | is run even when a later step is the first: what the reader's terminal must know |
//! | `<!-- run: undo -->` | undoes the step; not run but with `--undo` |
//! | `<!-- run: elsewhere -->` | is not run: it makes the cluster, or needs more than one |
//! | `<!-- run: counts N -->` | as `again`; a number that begins a line may differ by N |
//! | `<!-- file: PATH -->` | the block is the file, whole |
//! | `<!-- part: PATH -->` | the lines of the block follow each other in the file |
//! | `<!-- see: URL: TEXT -->` | the page at URL contains TEXT, within a minute |

use std::path::PathBuf;

/// One step: a heading that begins with `## Step`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its number, from 1.
    pub(crate) number: usize,
    /// Its heading, without the hash signs.
    pub(crate) title: String,
    pub(crate) actions: Vec<Action>,
}

/// Something to do or to compare, with the line in the text where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Action {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Run {
        script: String,
        how: How,
        prints: Option<String>,
    },
    /// The block is the file, or some lines of it.
    File {
        path: PathBuf,
        block: String,
        whole: bool,
    },
    /// A page and what it contains.
    See {
        url: String,
        text: String,
    },
}

/// How a block of commands is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Once,
    Again { tolerance: u32 },
    Terminal,
    Fails,
    Always,
    Undo,
    Elsewhere,
}

/// Reads the text. What is wrong with it is an error that names the line.
pub(crate) fn read(text: &str) -> anyhow::Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    let mut note: Option<(usize, String)> = None;
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        if let Some(title) = line.strip_prefix("## ") {
            if title.starts_with("Step ") {
                let step = steps.len() + 1;
                let wanted = format!("Step {step}: ");
                anyhow::ensure!(
                    title.starts_with(&wanted),
                    "line {number}: this heading should begin {wanted:?}"
                );
                steps.push(Step { number: step, title: title.to_owned(), actions: Vec::new() });
            }
            continue;
        }
        if let Some(comment) = line.trim().strip_prefix("<!-- ").and_then(|it| it.strip_suffix(" -->")) {
            if let Some(promise) = comment.strip_prefix("see: ") {
                let (url, text) = promise.split_once(": ").ok_or_else(|| {
                    anyhow::anyhow!("line {number}: a page and its text, divided by \": \"")
                })?;
                let kind = Kind::See { url: url.to_owned(), text: text.to_owned() };
                push(&mut steps, number, kind)?;
            } else if ["run: ", "file: ", "part: "].iter().any(|it| comment.starts_with(it)) {
                note = Some((number, comment.to_owned()));
            }
            continue;
        }
        let Some(language) = line.trim_start().strip_prefix("```") else { continue };
        let mut block = String::new();
        loop {
            let (_, line) =
                lines.next().ok_or_else(|| anyhow::anyhow!("line {number}: this block has no end"))?;
            if line.trim_start().starts_with("```") {
                break;
            }
            block.push_str(line);
            block.push('\n');
        }
        let note = note.take().map(|(_, note)| note).unwrap_or_default();
        match language {
            "sh" => {
                let kind = Kind::Run { script: block, how: how(&note, number)?, prints: None };
                push(&mut steps, number, kind)?;
            }
            "text" => {
                let last = steps.last_mut().and_then(|it| it.actions.last_mut());
                match last.map(|it| &mut it.kind) {
                    Some(Kind::Run { prints: prints @ None, .. }) => *prints = Some(block),
                    _ => anyhow::bail!("line {number}: this output follows no command"),
                }
            }
            _ => {
                let path = |it: &str| note.strip_prefix(it).map(PathBuf::from);
                let file =
                    path("file: ").map(|it| (it, true)).or_else(|| path("part: ").map(|it| (it, false)));
                if let Some((path, whole)) = file {
                    push(&mut steps, number, Kind::File { path, block, whole })?;
                }
            }
        }
    }
    Ok(steps)
}

fn push(steps: &mut [Step], line: usize, kind: Kind) -> anyhow::Result<()> {
    let step =
        steps.last_mut().ok_or_else(|| anyhow::anyhow!("line {line}: this stands before the first step"))?;
    step.actions.push(Action { line, kind });
    Ok(())
}

fn how(note: &str, line: usize) -> anyhow::Result<How> {
    Ok(match note.strip_prefix("run: ").unwrap_or(note) {
        "" => How::Once,
        "again" => How::Again { tolerance: 0 },
        "terminal" => How::Terminal,
        "fails" => How::Fails,
        "always" => How::Always,
        "undo" => How::Undo,
        "elsewhere" => How::Elsewhere,
        other => match other.strip_prefix("counts ").and_then(|it| it.parse().ok()) {
            Some(tolerance) => How::Again { tolerance },
            None => anyhow::bail!("line {line}: {other:?} is not a way to run a block"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# T\n\n## Step 1: Look\n\n```sh\nls\n```\n\nIt prints\n\n```text\na\n```\n\n\
        <!-- run: counts 7 -->\n```sh\ncount\n```\n<!-- see: http://x/: Yes, we do -->\n\
        <!-- part: a/b.yml -->\n```yaml\nkind: X\n```\n";

    #[test]
    fn a_step_has_commands_outputs_and_promises() {
        let steps = read(TEXT).expect("a tutorial");
        let kinds: Vec<_> = steps[0].actions.iter().map(|it| &it.kind).collect();
        assert_eq!(steps[0].title, "Step 1: Look");
        let first = Kind::Run { script: "ls\n".into(), how: How::Once, prints: Some("a\n".into()) };
        let second = Kind::Run { script: "count\n".into(), how: How::Again { tolerance: 7 }, prints: None };
        let third = Kind::See { url: "http://x/".into(), text: "Yes, we do".into() };
        let fourth = Kind::File { path: "a/b.yml".into(), block: "kind: X\n".into(), whole: false };
        assert_eq!(kinds, [&first, &second, &third, &fourth]);
    }

    #[test]
    fn mistakes_in_the_text_name_their_line() {
        for (text, message) in [
            ("## Step 2: X\n", "line 1: this heading should begin \"Step 1: \""),
            ("## Step 1: X\n```sh\nls\n", "line 2: this block has no end"),
            ("## Step 1: X\n```text\na\n```\n", "line 2: this output follows no command"),
            ("```sh\nls\n```\n", "line 1: this stands before the first step"),
            (
                "## Step 1: X\n<!-- run: twice -->\n```sh\nls\n```\n",
                "line 3: \"twice\" is not a way to run a block",
            ),
        ] {
            assert_eq!(read(text).expect_err(text).to_string(), message);
        }
    }
}
