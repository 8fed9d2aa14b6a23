//! Whether what was printed is what the text says. What differs from cluster to cluster is compared by its form: the
//! ends of pods' names, ages, addresses, node ports, the widths of columns. In the text `…` stands for anything, and a
//! line of only `…` for any lines.

use std::sync::LazyLock;

use regex_lite::Regex;

/// The first difference, told to a person; `None` if there is none. A number that begins a line may differ by
/// `tolerance`.
pub(crate) fn difference(promised: &str, printed: &str, tolerance: u32) -> Option<String> {
    let promised: Vec<String> = lines(promised);
    // How often a rollout says that it waits depends on the machine.
    let printed: Vec<String> =
        lines(printed).into_iter().filter(|line| !line.starts_with("Waiting for deployment")).collect();
    if matches(&promised, &printed, tolerance) {
        return None;
    }
    Some(format!("the text says\n{}it printed\n{}", indented(&promised), indented(&printed)))
}

fn indented(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + "    " + line + "\n")
}

/// The lines with one space between words and a form instead of what varies.
fn lines(text: &str) -> Vec<String> {
    static FORMS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r"-[a-z0-9]{6,10}-[a-z0-9]{5}\b", "-HASH-POD"),
            (r"\b\d{1,3}(\.\d{1,3}){3}\b", "ADDRESS"),
            (r":3\d{4}/TCP", ":NODEPORT/TCP"),
            (r"(^| )\d+[smhd](\d+[smhd])?( |$)", "${1}AGE${3}"),
            // kubectl 1.34 and later tells from where.
            (r"( deleted) from [a-z0-9-]+ namespace$", "$1"),
        ]
        .into_iter()
        .map(|(form, word)| (Regex::new(form).expect("a regular expression"), word))
        .collect()
    });
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            FORMS.iter().fold(line, |line, (form, word)| form.replace_all(&line, *word).into_owned())
        })
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn matches(promised: &[String], printed: &[String], tolerance: u32) -> bool {
    match promised {
        [] => printed.is_empty(),
        [any, rest @ ..] if any == "…" => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..], tolerance))
        }
        [first, rest @ ..] => {
            let Some((line, others)) = printed.split_first() else { return false };
            line_matches(first, line, tolerance) && matches(rest, others, tolerance)
        }
    }
}

fn line_matches(promised: &str, printed: &str, tolerance: u32) -> bool {
    if tolerance > 0
        && let (Some((wanted, promised)), Some((found, printed))) = (count(promised), count(printed))
    {
        return wanted.abs_diff(found) <= tolerance && wildcard(promised, printed);
    }
    wildcard(promised, printed)
}

/// A number that begins a line, and the rest.
fn count(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.split_once(' ')?;
    Some((number.parse().ok()?, rest))
}

fn wildcard(promised: &str, printed: &str) -> bool {
    let mut parts = promised.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(promised: &str, printed: &str) {
        assert_eq!(difference(promised, printed, 0), None);
    }

    #[track_caller]
    fn differ(promised: &str, printed: &str) {
        assert_ne!(difference(promised, printed, 0), None);
    }

    #[test]
    fn what_varies_is_compared_by_its_form() {
        same(
            "NAME     AGE\nsava-product-1.0.3-7d4b9c6f5d-x2x7k   5s",
            "NAME AGE\nsava-product-1.0.3-6b9f8d-abcde 2m10s\n",
        );
        same("a  NodePort  10.96.0.17  <none>  9070:31234/TCP", "a NodePort 10.1.2.3 <none> 9070:30001/TCP");
        same("pod \"x\" deleted", "pod \"x\" deleted from vampio-anna namespace");
        same("done", "Waiting for deployment \"x\" rollout to finish: …\ndone");
    }

    #[test]
    fn what_matters_is_compared_exactly() {
        differ("sava-product-1.0.3-7d4b9c6f5d-x2x7k 1/1", "sava-product-2.0.1-7d4b9c6f5d-x2x7k 1/1");
        differ("1/1 Running", "0/1 Running");
        differ("9070:31234/TCP", "9071:31234/TCP");
        differ("a", "a\nb");
        differ("a\nb", "a");
    }

    #[test]
    fn an_ellipsis_stands_for_anything() {
        same("[{\"id\":1,…}]", "[{\"id\":1,\"title\":\"x\"}]");
        same("a\n…\nz", "a\nb\nc\nz");
        same("a\n…", "a");
        differ("a\n…\nz", "a\nb");
        differ("x…y", "xz");
    }

    #[test]
    fn counts_may_differ_by_a_tolerance() {
        assert_eq!(difference("  75 1.0.3\n  25 2.0.1\n", " 70 1.0.3\n 30 2.0.1\n", 10), None);
        assert_ne!(difference("  75 1.0.3\n", " 50 1.0.3\n", 10), None);
        assert_ne!(difference("  75 1.0.3\n", " 75 2.0.1\n", 10), None);
        assert_ne!(difference("  75 1.0.3\n", " 74 1.0.3\n", 0), None);
    }
}
