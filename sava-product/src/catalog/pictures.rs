//! The pictures that products may refer to: those in the binary, and those of a data directory, which come first.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use http::HeaderValue;

use super::file;
use crate::document::Document;

/// The largest picture, in bytes.
const MAX_BYTES: u64 = 2 << 20;
/// The most bytes that the pictures of a data directory have together.
const MAX_TOTAL_BYTES: u64 = 64 << 20;

/// Pictures by the name of their file.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    by_name: HashMap<Box<str>, Result<Picture, String>>,
    /// Where pictures were looked for.
    directory: Option<PathBuf>,
}

/// A picture as it is served, and its size in pixels.
#[derive(Clone, Debug)]
struct Picture {
    document: Arc<Document>,
    size: (u32, u32),
}

impl Pictures {
    /// The pictures in the binary.
    pub(super) fn embedded(files: &[(&'static str, &'static [u8])]) -> Self {
        let pictures = files.iter().map(|(name, bytes)| {
            let picture = Picture::new(name, Bytes::from_static(bytes));
            (Box::from(*name), picture)
        });
        Self { by_name: pictures.collect(), directory: None }
    }

    /// Adds those of a data directory: in `images/`, or beside db.json, as the keys of a `ConfigMap` are.
    pub(super) fn add_directory(&mut self, data: &Path) -> io::Result<()> {
        self.directory = Some(data.to_owned());
        let mut bytes_left = MAX_TOTAL_BYTES;
        for directory in [data.to_owned(), data.join("images")] {
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let path = entry?.path();
                let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
                if file_name(name).is_none() || content_type(name).is_none() || !path.is_file() {
                    continue;
                }
                let picture = read(&path, &mut bytes_left).and_then(|bytes| Picture::new(name, bytes));
                self.by_name.insert(name.into(), picture);
            }
        }
        Ok(())
    }

    /// The size of the picture in pixels, or what is wrong with it.
    pub(super) fn size(&self, name: &str) -> Result<(u32, u32), String> {
        match self.by_name.get(name) {
            Some(Ok(picture)) => Ok(picture.size),
            Some(Err(message)) => Err(format!("the picture {name:?} {message}")),
            None => Err(match &self.directory {
                Some(directory) => {
                    let directory = directory.display();
                    format!(
                        "there is no picture {name:?} in {directory}/images, in {directory} or in the binary"
                    )
                }
                None => format!("there is no picture {name:?} in the binary"),
            }),
        }
    }

    /// What tells these pictures from others.
    pub(super) fn digest(&self) -> String {
        let pictures = self.by_name.iter().map(|(name, picture)| match picture {
            Ok(picture) => format!("{name} {}", picture.document.tag),
            Err(message) => format!("{name} {message}"),
        });
        let mut pictures: Vec<_> = pictures.collect();
        pictures.sort_unstable();
        pictures.join("\n")
    }

    /// The picture as it is served.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Document>> {
        self.by_name.get(name)?.as_ref().ok().map(|picture| &picture.document)
    }
}

impl Picture {
    fn new(name: &str, bytes: Bytes) -> Result<Self, String> {
        let content_type = content_type(name).ok_or("is not of a kind that browsers show")?;
        let size = if content_type == "image/svg+xml" {
            svg_size(&bytes).ok_or("is not an SVG picture with a width and a height, or a viewBox")?
        } else {
            let size = imagesize::blob_size(&bytes).map_err(|error| format!("cannot be read: {error}"))?;
            u32::try_from(size.width).ok().zip(u32::try_from(size.height).ok()).ok_or("is too large")?
        };
        Ok(Self { document: Arc::new(Document::new(content_type, bytes)), size })
    }
}

fn read(path: &Path, bytes_left: &mut u64) -> Result<Bytes, String> {
    let unreadable = |error| format!("cannot be read: {error}");
    let bytes = file::read(path, MAX_BYTES).map_err(unreadable)?;
    *bytes_left = bytes_left
        .checked_sub(bytes.len() as u64)
        .ok_or_else(|| format!("is one too many: all together may have {} MiB", MAX_TOTAL_BYTES >> 20))?;
    Ok(bytes.into())
}

/// The name of a picture's file in a reference, which may be the path that the API gives: none where it is not a name
/// that is one plain segment of a path.
#[must_use]
pub(super) fn file_name(reference: &str) -> Option<&str> {
    let name = reference.strip_prefix('/').unwrap_or(reference);
    let name = name.strip_prefix("images/").unwrap_or(name);
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    (plain && (1..=128).contains(&name.len()) && !name.starts_with('.')).then_some(name)
}

fn content_type(name: &str) -> Option<HeaderValue> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(HeaderValue::from_static(match extension {
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "avif" => "image/avif",
        _ => return None,
    }))
}

/// The size that the root element of an SVG picture gives by its width and height in pixels, or by its view box.
fn svg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let root = &text[text.find("<svg")?..];
    let root = &root[..root.find('>')?];
    let pixels = |name| length(attribute(root, name)?.trim_end_matches("px"));
    let view_box = || {
        let numbers = attribute(root, "viewBox")?;
        let mut sides = numbers.split([' ', ',']).filter(|number| !number.is_empty()).skip(2);
        Some((length(sides.next()?)?, length(sides.next()?)?))
    };
    pixels("width").zip(pixels("height")).or_else(view_box)
}

/// A length in whole pixels.
fn length(text: &str) -> Option<u32> {
    text.split('.').next()?.parse().ok().filter(|pixels| *pixels > 0)
}

/// The value of an attribute in a start tag.
fn attribute<'tag>(tag: &'tag str, name: &str) -> Option<&'tag str> {
    tag.match_indices(name).find_map(|(position, _)| {
        let before = tag[..position].chars().next_back()?;
        let value = tag[position + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        before.is_whitespace().then(|| value[1..].split(quote).next())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_svg_tells_its_size() {
        let check = |svg: &str, size| assert_eq!(svg_size(svg.as_bytes()), size, "{svg}");
        check(r#"<?xml version="1.0"?><svg stroke-width="3" width="640" height='480px'/>"#, Some((640, 480)));
        check(r#"<svg width="100%" viewBox="0 0 24.0 12"></svg>"#, Some((24, 12)));
        check(r#"<svg viewBox="0,0,5,6">"#, Some((5, 6)));
        check("<svg>", None);
        check("<html>", None);
        check("<svg width=\"0\" height=\"0\" ", None);
    }

    #[test]
    fn a_reference_is_a_plain_name_or_the_path_of_the_api() {
        assert_eq!(file_name("lamp.svg"), Some("lamp.svg"));
        assert_eq!(file_name("/images/lamp.svg"), Some("lamp.svg"));
        assert_eq!(file_name("images/lamp.svg"), Some("lamp.svg"));
        for other in
            ["", "..", ".hidden.svg", "../db.json", "a/b.svg", "https://example.com/x.svg", "a b.svg"]
        {
            assert_eq!(file_name(other), None, "{other}");
        }
    }
}
