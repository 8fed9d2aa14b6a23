//! Content codings (RFC 9110 §8.4 and §12.5.3).

use std::io::Read as _;

use crate::{
    Rule, Server,
    http::Response,
    objection::{Checked, Objection, applies, demand},
};

/// A list shorter than this may well be sent as it is.
const WORTH_IT: usize = 1024;

pub(super) const RULES: &[Rule] = &[
    Rule::new("codings/coding-gzip", "a list is had with gzip", |s| coded(s, "gzip", "gzip")),
    Rule::new("codings/coding-br", "with br", |s| coded(s, "br", "br")),
    Rule::new("codings/coding-zstd", "with zstd", |s| coded(s, "zstd", "zstd")),
    Rule::new("codings/coding-in-each-version", "in every version", |server| {
        for version in server.release.versions.clone() {
            let plain = server.send(&server.get_list_in(version)?.header("Accept-Encoding", "identity"))?;
            applies!(plain.body.len() >= WORTH_IT, "the list has {} bytes", plain.body.len());
            let answer = server.send(&server.get_list_in(version)?.header("Accept-Encoding", "gzip"))?;
            answer.is_of_version(version)?.says("content-encoding", "gzip")?;
            demand!(decode(&answer)? == plain.body, "{} is other JSON than without", answer.story());
        }
        Ok(())
    }),
    Rule::new("codings/coding-none", "identity and no Accept-Encoding get the plain list", |server| {
        let mut requests = vec![server.get_list()?.header("Accept-Encoding", "identity")];
        if server.through().is_none() {
            requests.push(server.get_list()?);
        }
        for request in requests {
            let answer = server.send(&request)?;
            answer.is(200)?.has_no("content-encoding")?;
            answer.array()?;
        }
        Ok(())
    }),
    Rule::new("codings/coding-unknown", "a coding that nobody knows gets the plain list", |server| {
        let answer = server.send(&server.get_list()?.header("Accept-Encoding", "nonsense"))?;
        answer.is(200)?.has_no("content-encoding").map(drop)
    }),
    Rule::new(
        "codings/coding-empty",
        "an empty Accept-Encoding gets the plain list (RFC 9110 §12.5.3)",
        |server| {
            let answer = server.send(&server.get_list()?.header("Accept-Encoding", ""))?;
            answer.is(200)?.has_no("content-encoding").map(drop)
        },
    ),
    Rule::new("codings/coding-q0", "a coding with q=0 is not used", |server| {
        for accept in ["gzip;q=0", "br;q=0, gzip;q=0, zstd;q=0", "*;q=0, identity", "gzip;q=0.000"] {
            let answer = server.send(&server.get_list()?.header("Accept-Encoding", accept))?;
            answer.is(200)?.has_no("content-encoding")?;
        }
        Ok(())
    }),
    Rule::new("codings/coding-by-q", "the coding with the higher q is used", |server| {
        for (accept, coding) in [
            ("gzip;q=1, br;q=0.5, zstd;q=0.5", "gzip"),
            ("gzip;q=0.5, br;q=0.9", "br"),
            ("zstd, gzip;q=0.1", "zstd"),
        ] {
            coded(server, accept, coding)?;
        }
        Ok(())
    }),
    Rule::new("codings/coding-names-in-any-case", "GZIP is gzip", |s| coded(s, "GZIP", "gzip")),
    Rule::new("codings/coding-several-lines", "several Accept-Encoding lines are one list", |server| {
        server.directly("joins them")?;
        let request =
            server.get_list()?.header("Accept-Encoding", "nonsense").header("Accept-Encoding", "gzip");
        let plain = server.send(&server.get_list()?)?;
        applies!(plain.body.len() >= WORTH_IT, "the list has {} bytes", plain.body.len());
        server.send(&request)?.says("content-encoding", "gzip").map(drop)
    }),
    Rule::new(
        "codings/coding-of-a-browser",
        "a browser's Accept-Encoding gets one of its codings",
        |server| {
            let plain = server.send(&server.get_list()?)?;
            applies!(plain.body.len() >= WORTH_IT, "the list has {} bytes", plain.body.len());
            let answer =
                server.send(&server.get_list()?.header("Accept-Encoding", "gzip, deflate, br, zstd"))?;
            answer.is(200)?.has("content-encoding")?;
            demand!(decode(&answer)? == plain.body, "{} is other JSON than without", answer.story());
            Ok(())
        },
    ),
    Rule::new(
        "codings/coding-of-queries",
        "a query has the same content with and without a coding",
        |server| {
            let request = server.get_list()?.raw_query("_sort=price&_limit=20");
            let plain = server.send(&request.clone().header("Accept-Encoding", "identity"))?;
            for coding in ["gzip", "br", "zstd"] {
                let answer = server.send(&request.clone().header("Accept-Encoding", coding))?;
                demand!(
                    decode(answer.is(200)?)? == plain.body,
                    "{} is other JSON than without",
                    answer.story()
                );
            }
            Ok(())
        },
    ),
    Rule::new("codings/coding-of-documents", "so have /openapi.json, /docs and a picture", |server| {
        let mut paths = vec!["/openapi.json".to_owned(), "/docs".to_owned()];
        paths.extend(server.picture_path().ok());
        for path in paths {
            let plain = server.send(&server.get(&path).header("Accept-Encoding", "identity"))?;
            let answer = server.send(&server.get(&path).header("Accept-Encoding", "gzip"))?;
            demand!(
                decode(answer.is(200)?)? == plain.body,
                "{} is other content than without",
                answer.story()
            );
        }
        Ok(())
    }),
    Rule::new(
        "codings/html-is-gzip-or-plain",
        "HTML goes out with gzip or plain, never br or zstd, which the API server's proxy breaks",
        |server| {
            for path in ["/docs", "/"] {
                let request =
                    server.get(path).accept("text/html").header("Accept-Encoding", "gzip, deflate, br, zstd");
                let answer = server.send(&request)?;
                answer.is(200)?;
                let coding = answer.header("content-encoding").unwrap_or_default();
                demand!(
                    matches!(coding.as_str(), "" | "gzip"),
                    "{} with Content-Encoding: {coding}",
                    answer.story()
                );
            }
            Ok(())
        },
    ),
    Rule::new("codings/etag-by-coding", "each coding has its own ETag (RFC 9110 §8.8.3.3)", |server| {
        let mut seen: Vec<(String, String)> = Vec::new();
        for coding in ["identity", "gzip", "br", "zstd"] {
            let answer = server.send(&server.get_list()?.header("Accept-Encoding", coding))?;
            let used = answer.header("content-encoding").unwrap_or_default();
            let etag = answer.etag()?;
            let shared = seen.iter().find(|(other, tag)| *tag == etag && *other != used);
            demand!(
                shared.is_none(),
                "{}: {etag} is also the tag of {:?}",
                answer.story(),
                shared.map_or("", |(c, _)| c)
            );
            seen.push((used, etag));
        }
        Ok(())
    }),
    Rule::new(
        "codings/if-none-match-by-coding",
        "If-None-Match with a coding's ETag is 304 for that coding",
        |server| {
            let request = server.get_list()?.header("Accept-Encoding", "gzip");
            let etag = server.send(&request)?.etag()?;
            let answer = server.send(&request.header("If-None-Match", &etag))?;
            answer.is(304)?;
            demand!(answer.body.is_empty(), "{} with content", answer.story());
            Ok(())
        },
    ),
    Rule::new("codings/coded-length-is-the-coded", "Content-Length is that of the coded content", |server| {
        let answer = server.send(&server.get_list()?.header("Accept-Encoding", "gzip"))?;
        if let Some(said) = answer.header("content-length") {
            demand!(said == answer.body.len().to_string(), "{} with Content-Length: {said}", answer.story());
        }
        Ok(())
    }),
    Rule::new("codings/coded-total-count", "X-Total-Count is there with every coding", |server| {
        let count = server.products()?.len().to_string();
        let answer = server.send(&server.get_list()?.header("Accept-Encoding", "gzip"))?;
        applies!(answer.header("x-total-count").is_some(), "see query/total-count-on-the-list");
        answer.says("x-total-count", &count).map(drop)
    }),
];

/// The list comes in the coding, and is the plain list once it is undone.
fn coded(server: &Server, accept: &str, coding: &str) -> Checked {
    let plain = server.send(&server.get_list()?.header("Accept-Encoding", "identity"))?;
    applies!(plain.body.len() >= WORTH_IT, "the list has {} bytes", plain.body.len());
    let answer = server.send(&server.get_list()?.header("Accept-Encoding", accept))?;
    answer.is(200)?.says("content-encoding", coding)?;
    demand!(decode(&answer)? == plain.body, "{} is other JSON than without", answer.story());
    Ok(())
}

/// The content without its coding.
fn decode(answer: &Response) -> Checked<Vec<u8>> {
    let coding = answer.header("content-encoding").unwrap_or_default().to_lowercase();
    let mut plain = Vec::new();
    let body = answer.body.as_slice();
    let undone = match coding.as_str() {
        "" | "identity" => {
            plain.extend_from_slice(body);
            Ok(0)
        }
        "gzip" => flate2::read::MultiGzDecoder::new(body).read_to_end(&mut plain),
        "br" => brotli_decompressor::Decompressor::new(body, 4096).read_to_end(&mut plain),
        "zstd" => match ruzstd::decoding::StreamingDecoder::new(body) {
            Ok(mut decoder) => decoder.read_to_end(&mut plain),
            Err(error) => Err(std::io::Error::other(error.to_string())),
        },
        other => return Err(Objection::Broken(format!("{} with the coding {other}", answer.story()))),
    };
    match undone {
        Ok(_) => Ok(plain),
        Err(error) => {
            Err(Objection::Broken(format!("{}: the content is not {coding}: {error}", answer.story())))
        }
    }
}
