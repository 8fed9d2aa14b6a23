//! A terminal whose keys are read as they are pressed.

use std::io::{self, IsTerminal as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

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
