//! A link as a QR code for the phones in the room, in half blocks: two modules a character, one above the other.

use std::fmt::Write as _;

use qrcode::{QrCode, render::unicode::Dense1x2};

/// Black on white whatever the terminal's colours are: not every phone reads a code of light on dark.
const INK_ON_PAPER: &str = "\x1b[38;5;16;48;5;231m";

/// The code; none for a link that is too long for one.
pub(super) fn of(link: &str) -> Option<String> {
    let code = blocks(link)?.lines().fold(String::new(), |mut code, line| {
        let _ = writeln!(code, "  {INK_ON_PAPER}{line}\x1b[0m");
        code
    });
    Some(code)
}

fn blocks(link: &str) -> Option<String> {
    Some(QrCode::new(link).ok()?.render::<Dense1x2>().build())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many dots of a picture a module is wide and high.
    const DOTS: usize = 4;

    #[test]
    fn phone_reads_the_link() {
        let link = "http://192.168.178.23:3000/";
        let rows: Vec<Vec<char>> = blocks(link).unwrap().lines().map(|line| line.chars().collect()).collect();
        let is_dark = |x: usize, y: usize| {
            let is_upper = (y / DOTS).is_multiple_of(2);
            match rows[y / DOTS / 2][x / DOTS] {
                '█' => true,
                '▀' => is_upper,
                '▄' => !is_upper,
                _ => false,
            }
        };
        let (width, height) = (rows[0].len() * DOTS, rows.len() * 2 * DOTS);
        let dot = |x, y| if is_dark(x, y) { 0 } else { 255 };
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, dot);
        let read: Vec<_> = picture.detect_grids().iter().map(|grid| grid.decode().unwrap().1).collect();
        assert_eq!(read, [link]);
        assert!(of(link).unwrap().lines().all(|line| line.chars().count() < 80), "it fits a terminal");
    }
}
