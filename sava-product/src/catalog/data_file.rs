//! The text of a data file, kept compressed: while a catalog is made beside another, a few megabytes stand for the whole
//! text, and it can be read again for the places of mistakes.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Read, Write},
    path::Path,
};

use sha2::{Digest as _, Sha256};

use super::file;

/// The largest data file, in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// Of zstd: quick, and text of products becomes a third to a tenth of it.
const LEVEL: i32 = 1;
/// How many bytes are read at a time.
const CHUNK: usize = 64 << 10;
/// Windows editors begin files with it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The text of a data file.
pub(super) struct DataFile {
    text: Text,
    /// How many there are.
    pub(super) n_bytes: usize,
    /// Their hash, as `sha256sum` tells it.
    pub(super) sha256: String,
}

enum Text {
    /// In the binary.
    Plain(&'static [u8]),
    Compressed(Vec<u8>),
}

/// A place in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// From 1.
    pub(super) line: usize,
    /// In the same line.
    pub(super) characters_before: usize,
}

impl DataFile {
    /// A text in the binary.
    pub(super) fn embedded(text: &'static [u8]) -> Self {
        Self { text: Text::Plain(text), n_bytes: text.len(), sha256: hex::encode(Sha256::digest(text)) }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is not a regular file, or too large.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Self::filled_by(|intake| file::read_into(path, MAX_BYTES, intake))
    }

    /// A text as if it were read from a file.
    #[cfg(any(test, feature = "fuzz"))]
    pub(super) fn of(text: &[u8]) -> Self {
        Self::filled_by(|intake| intake.write_all(text)).expect("memory can be written")
    }

    fn filled_by(fill: impl FnOnce(&mut Intake) -> io::Result<()>) -> io::Result<Self> {
        let encoder = zstd::stream::write::Encoder::new(Vec::new(), LEVEL)?;
        let mut intake = Intake { encoder, hasher: Sha256::new(), n_bytes: 0 };
        fill(&mut intake)?;
        let mut compressed = intake.encoder.finish()?;
        compressed.shrink_to_fit();
        let sha256 = hex::encode(intake.hasher.finalize());
        Ok(Self { text: Text::Compressed(compressed), n_bytes: intake.n_bytes, sha256 })
    }

    /// The text from its beginning, without a byte order mark.
    ///
    /// # Panics
    /// Never: memory can be read, and what was compressed there is decompressed.
    pub(super) fn reader(&self) -> Box<dyn io::BufRead + '_> {
        let mut reader: Box<dyn io::BufRead> = match &self.text {
            Text::Plain(text) => Box::new(*text),
            Text::Compressed(compressed) => {
                let decompressed = zstd::stream::read::Decoder::with_buffer(compressed.as_slice());
                Box::new(BufReader::with_capacity(CHUNK, decompressed.expect("memory for a window of zstd")))
            }
        };
        if chunk(&mut *reader).starts_with(BYTE_ORDER_MARK) {
            reader.consume(BYTE_ORDER_MARK.len());
        }
        reader
    }

    /// Where the text stops being UTF-8, if it does.
    pub(super) fn end_of_utf8(&self) -> Option<usize> {
        let mut reader = self.reader();
        let (mut offset, mut text) = (0, Vec::new());
        loop {
            let chunk = chunk(&mut *reader);
            let (length, is_end) = (chunk.len(), chunk.is_empty());
            text.extend_from_slice(chunk);
            reader.consume(length);
            let valid = match std::str::from_utf8(&text) {
                Ok(_) if is_end => return None,
                Ok(_) => text.len(),
                // A character that the chunk's end cuts has its rest in the next one.
                Err(error) if error.error_len().is_none() && !is_end => error.valid_up_to(),
                Err(error) => return Some(offset + error.valid_up_to()),
            };
            text.drain(..valid);
            offset += valid;
        }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_blank(&self) -> bool {
        self.reader().bytes().all(|byte| byte.is_ok_and(|byte| byte.is_ascii_whitespace()))
    }

    /// How many characters the first `n_bytes` bytes of a line are; lines are counted from 1.
    pub(super) fn characters(&self, line: usize, n_bytes: usize) -> usize {
        let mut bytes = self.reader().bytes().map_while(Result::ok);
        let mut line_breaks = 1..line;
        while !line_breaks.is_empty() && bytes.any(|byte| byte == b'\n') {
            line_breaks.next();
        }
        bytes.take(n_bytes).take_while(|byte| *byte != b'\n').filter(|byte| !is_later_byte(*byte)).count()
    }

    /// At most `max` bytes of the text from the byte `offset` on.
    pub(super) fn beginning(&self, offset: usize, max: usize) -> String {
        let mut reader = self.reader();
        let _ = io::copy(&mut reader.by_ref().take(offset as u64), &mut io::sink());
        let mut bytes = Vec::new();
        let _ = reader.take(max as u64).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The places of bytes of the text; one after its end is at its end.
    pub(super) fn places(&self, offsets: impl IntoIterator<Item = usize>) -> BTreeMap<usize, Position> {
        let mut places: BTreeMap<_, _> =
            offsets.into_iter().map(|offset| (offset, Position::default())).collect();
        let (mut place, mut at) = (Position { line: 1, characters_before: 0 }, 0);
        let mut reader = self.reader();
        let mut wanted = places.iter_mut().peekable();
        while wanted.peek().is_some() {
            let chunk = chunk(&mut *reader);
            let length = chunk.len();
            for byte in chunk {
                while let Some((_, found)) = wanted.next_if(|(offset, _)| **offset == at) {
                    *found = place;
                }
                match byte {
                    b'\n' => place = Position { line: place.line + 1, characters_before: 0 },
                    byte if is_later_byte(*byte) => {}
                    _ => place.characters_before += 1,
                }
                at += 1;
            }
            if length == 0 {
                wanted.by_ref().for_each(|(_, found)| *found = place);
            }
            reader.consume(length);
        }
        drop(wanted);
        places
    }
}

/// Whether it is the second to fourth byte of a character.
fn is_later_byte(byte: u8) -> bool {
    (0x80..0xc0).contains(&byte)
}

/// What is read next; empty at the end.
fn chunk<'reader>(reader: &'reader mut (dyn io::BufRead + '_)) -> &'reader [u8] {
    reader.fill_buf().expect("memory can be read, and what was compressed is decompressed")
}

/// Packs a file while it is read.
struct Intake {
    encoder: zstd::stream::write::Encoder<'static, Vec<u8>>,
    hasher: Sha256,
    n_bytes: usize,
}

impl Write for Intake {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.encoder.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        self.n_bytes += n;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: impl AsRef<[u8]>) -> DataFile {
        let directory = crate::fixture::data(bytes);
        DataFile::read(&directory.path().join("db.json")).unwrap()
    }

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let file = file("\u{feff}a\u{e9}b\n\u{65e5}c");
        let at = |offset| file.places([offset])[&offset];
        assert_eq!(at(0), Position { line: 1, characters_before: 0 });
        assert_eq!(at(3), Position { line: 1, characters_before: 2 });
        assert_eq!(at(5), Position { line: 2, characters_before: 0 });
        assert_eq!(at(8), Position { line: 2, characters_before: 1 });
        assert_eq!(at(99), Position { line: 2, characters_before: 2 });
        assert_eq!(file.places([8, 0]).len(), 2);
        assert_eq!((file.characters(1, 3), file.characters(2, 3), file.characters(2, 99)), (2, 1, 2));
        assert_eq!(file.beginning(1, 3), "\u{e9}b");
    }

    #[test]
    fn the_end_of_utf8_is_found_across_chunks() {
        let text = format!("{}\u{e9}", "x".repeat(CHUNK - 1));
        assert_eq!(file(&text).end_of_utf8(), None);
        let wrong = [text.as_bytes(), b"y\xffz"].concat();
        assert_eq!(file(wrong).end_of_utf8(), Some(text.len() + 1));
        let cut = &text.as_bytes()[..text.len() - 1];
        assert_eq!(file(cut).end_of_utf8(), Some(CHUNK - 1));
    }
}
