//! The terminal: how wide it is, a line that counts down, and keys that are read as they are pressed.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use textwrap::{Options, WordSplitter};
use tokio::time::{Instant, sleep};

/// The line in as many as the terminal's width asks for, the further ones indented so far; elsewhere as it is.
pub(crate) fn wrapped(line: &str, indent: usize) -> String {
    // Only a terminal has a size.
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => wrap(line, indent, size.ws_col.into()),
        _ => line.to_owned(),
    }
}

/// A word that is longer than a line, such as a URL, stays whole: it can be followed.
fn wrap(line: &str, indent: usize, width: usize) -> String {
    let indent = " ".repeat(indent);
    let options = Options::new(width).subsequent_indent(&indent).break_words(false);
    textwrap::fill(line, options.word_splitter(WordSplitter::NoHyphenation))
}

/// Waits. Meanwhile a terminal shows how many seconds are left, in a line that is gone afterwards.
pub(crate) async fn count_down(time: Duration) {
    if !io::stdout().is_terminal() {
        return sleep(time).await;
    }
    let end = Instant::now() + time;
    let _line = PassingLine;
    for left in (1..=time.as_secs()).rev() {
        PassingLine::write(&format!("   {left} s"));
        sleep((end - Duration::from_secs(left - 1)).saturating_duration_since(Instant::now())).await;
    }
}

/// The line that the cursor is in, erased when this is dropped.
struct PassingLine;

impl PassingLine {
    fn write(text: &str) {
        let mut stdout = io::stdout();
        // Who closed the terminal does not count.
        let _ = write!(stdout, "\r\x1b[K{text}").and_then(|()| stdout.flush());
    }
}

impl Drop for PassingLine {
    fn drop(&mut self) {
        Self::write("");
    }
}

/// The terminal of stdin, without lines and echo until it is dropped.
pub(crate) struct RawTerminal(Termios);

impl RawTerminal {
    /// None where stdin is no terminal. Ctrl-C goes on to end the program.
    pub(crate) fn of_stdin() -> io::Result<Option<Self>> {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Some(Self(before)))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // What cannot be set back cannot be told either.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_go_on_below_their_text() {
        assert_eq!(wrap("   one two-three four", 3, 14), "   one\n   two-three\n   four");
        assert_eq!(wrap("1. http://localhost:3000/release", 3, 14), "1.\n   http://localhost:3000/release");
        assert_eq!(wrap("   short", 3, 80), "   short");
    }
}
