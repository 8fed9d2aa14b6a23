//! Content codings: which one a client wants (RFC 9110 §12.5.3), and bodies in them.

use std::io::{self, Write as _};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use sava_service::quality::{Quality, weighted};
use tokio::sync::OnceCell;

/// The largest body that is compressed; what is larger goes out as it is.
const MAX_BYTES: usize = 1 << 20;
/// The smallest body that is worth it.
const MIN_BYTES: usize = 256;

/// A content coding, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// No coding.
    Identity,
    /// gzip (RFC 1952)
    Gzip,
    /// Zstandard (RFC 8878)
    Zstd,
    /// Brotli (RFC 7932)
    Brotli,
}

impl Coding {
    /// All codings; of those that a client wants equally the last is best.
    pub(crate) const ALL: [Self; 4] = [Self::Identity, Self::Gzip, Self::Zstd, Self::Brotli];

    /// Its position in [`Coding::ALL`].
    #[must_use]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Its name in `Accept-Encoding` and `Content-Encoding`.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        ["identity", "gzip", "zstd", "br"][self.index()]
    }

    /// The coding of that name, in any case; `x-gzip` is an older name of gzip (RFC 9110 §8.4.1.3).
    fn named(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Self::Gzip);
        }
        Self::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes()))
    }

    /// The end of an ETag, so that each coding has its own.
    #[must_use]
    pub(crate) const fn suffix(self) -> &'static str {
        ["", "-gzip", "-zstd", "-br"][self.index()]
    }

    /// The value of `Content-Encoding`, where there is a coding.
    #[must_use]
    pub(crate) fn header(self) -> Option<HeaderValue> {
        (self != Self::Identity).then(|| HeaderValue::from_static(self.name()))
    }

    /// The codings of a page: the proxy of the Kubernetes API server, through which pages are seen, reads and rewrites
    /// them, and fails at any other.
    pub(crate) const OF_PAGES: [Self; 2] = [Self::Identity, Self::Gzip];

    /// The coding among `codings` for a body of `length` bytes that the client of `headers` likes best: none where it
    /// accepts none of them, asks for none, or the body is not worth it.
    #[must_use]
    pub(crate) fn negotiate(headers: &HeaderMap, length: usize, codings: &[Self]) -> Self {
        if !(MIN_BYTES..=MAX_BYTES).contains(&length) || !headers.contains_key(header::ACCEPT_ENCODING) {
            return Self::Identity;
        }
        let mut qualities = [None; Self::ALL.len()];
        let mut others = None;
        let lists = headers.get_all(header::ACCEPT_ENCODING).iter();
        for (name, quality) in lists.flat_map(|list| weighted(list.as_bytes())) {
            match Self::named(name) {
                Some(coding) => qualities[coding.index()] = Some(quality),
                None if name == b"*" => others = Some(quality),
                None => {}
            }
        }
        let quality = |coding: &Self| qualities[coding.index()].or(others).unwrap_or(Quality::NONE);
        let best = codings
            .iter()
            .copied()
            .filter(|coding| *coding != Self::Identity)
            .max_by_key(quality)
            .filter(|coding| quality(coding).is_acceptable());
        let identity = qualities[Self::Identity.index()].unwrap_or(Quality::NONE);
        best.filter(|coding| quality(coding) >= identity).unwrap_or(Self::Identity)
    }
}

/// The compressed forms of one body.
#[derive(Debug, Default)]
pub(crate) struct Encodings([OnceCell<Bytes>; Coding::ALL.len()]);

impl Encodings {
    /// `plain` in `coding`, compressed once, away from the threads that serve.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub(crate) async fn get(&self, coding: Coding, plain: &Bytes) -> Bytes {
        if coding == Coding::Identity {
            return plain.clone();
        }
        let encode = || async {
            let plain = plain.clone();
            let encoded = tokio::task::spawn_blocking(move || compress(coding, &plain)).await;
            encoded
                .map_err(io::Error::other)
                .and_then(|encoded| encoded)
                .expect("memory takes all that is written")
        };
        self.0[coding.index()].get_or_init(encode).await.clone()
    }
}

fn compress(coding: Coding, plain: &[u8]) -> io::Result<Bytes> {
    let out = Vec::with_capacity(plain.len() / 2);
    let encoded = match coding {
        Coding::Identity => plain.to_vec(),
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::best());
            encoder.write_all(plain)?;
            encoder.finish()?
        }
        Coding::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(out, 12)?;
            encoder.set_pledged_src_size(Some(plain.len() as u64))?;
            encoder.write_all(plain)?;
            encoder.finish()?
        }
        Coding::Brotli => {
            // The best quality costs about a second a megabyte: it is for the lists that are asked for all day.
            let quality = if plain.len() <= 64 << 10 { 11 } else { 6 };
            let window = 20;
            let mut encoder = brotli::CompressorWriter::new(out, 16 << 10, quality, window);
            encoder.write_all(plain)?;
            encoder.into_inner()
        }
    };
    Ok(encoded.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expected: Coding) {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept.parse().unwrap())]);
        assert_eq!(Coding::negotiate(&headers, 1000, &Coding::ALL), expected, "{accept}");
    }

    #[test]
    fn the_coding_is_the_one_that_the_client_likes_best() {
        check("gzip", Coding::Gzip);
        check("X-GZIP", Coding::Gzip);
        check("gzip, deflate, br, zstd", Coding::Brotli);
        check("gzip, zstd", Coding::Zstd);
        check("br;q=0.5, gzip;q=0.8", Coding::Gzip);
        check("*", Coding::Brotli);
        check("br;q=0, *", Coding::Zstd);
        check("gzip;q=0.001", Coding::Gzip);
    }

    #[test]
    fn no_coding_is_a_wish_too() {
        for accept in
            ["", "identity", "deflate", "gzip;q=0", "*;q=0", "identity, gzip;q=0.5", "gzip;q=x", "gzip;q=2"]
        {
            check(accept, Coding::Identity);
        }
        assert_eq!(Coding::negotiate(&HeaderMap::new(), 1000, &Coding::ALL), Coding::Identity);
    }

    #[test]
    fn pages_are_plain_or_gzip() {
        let headers =
            HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, br, zstd"))]);
        assert_eq!(Coding::negotiate(&headers, 1000, &Coding::OF_PAGES), Coding::Gzip);
    }

    #[test]
    fn small_and_huge_bodies_stay_as_they_are() {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
        assert_eq!(Coding::negotiate(&headers, 100, &Coding::ALL), Coding::Identity);
        assert_eq!(Coding::negotiate(&headers, MAX_BYTES + 1, &Coding::ALL), Coding::Identity);
    }

    #[tokio::test]
    async fn what_is_encoded_is_decoded_to_the_same() {
        let plain = Bytes::from("a flat white, a flat cap, ".repeat(100));
        let encoded = Encodings::default();
        let mut decoded = Vec::new();
        let gzip = encoded.get(Coding::Gzip, &plain).await;
        io::copy(&mut flate2::read::GzDecoder::new(&gzip[..]), &mut decoded).unwrap();
        assert_eq!(decoded, plain);
        assert_eq!(zstd::decode_all(&encoded.get(Coding::Zstd, &plain).await[..]).unwrap(), plain);
        let mut decoded = Vec::new();
        let brotli = encoded.get(Coding::Brotli, &plain).await;
        brotli::BrotliDecompress(&mut &brotli[..], &mut decoded).unwrap();
        assert_eq!(decoded, plain);
    }
}
