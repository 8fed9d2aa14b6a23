//! Which version and which media type an `Accept` gets (RFC 9110 §12.5.1).
//!
//! A row writes `{old}` and `{new}` for the oldest and the newest version that the release serves, and
//! `{beyond}` for one that it does not serve; a row with the first two does not apply to a release that has one
//! version.
//!
//! Longer than others: most of it is one table, a row for each case of the negotiation.

use std::time::Duration;

use crate::{
    Rule, Server,
    http::Request,
    objection::{Checked, demand},
    server::media_type,
};

/// What a row expects.
#[derive(Clone, Copy)]
enum Gets {
    /// The oldest version under its own media type.
    Old,
    /// The newest version under its own media type.
    New,
    /// The newest version as `application/json`.
    Json,
    /// 406.
    Nothing,
}

use Gets::{Json, New, Nothing, Old};

pub(super) const RULES: &[Rule] = &[
    // What each media type means.
    Rule::new(
        "negotiation/accept-each-version",
        "each version that is served is had by its name, under its own media type",
        |server| {
            for version in server.release.versions.clone() {
                server.send(&server.get_list_in(version)?)?.is(200)?.is_of_version(version)?;
            }
            Ok(())
        },
    ),
    Rule::new("negotiation/accept-each-version-of-one", "so it is for one product", |server| {
        for version in server.release.versions.clone() {
            let request = server.get(&server.product_path()?).accept(&media_type(version));
            server.send(&request)?.is(200)?.is_of_version(version)?;
        }
        Ok(())
    }),
    Rule::new("negotiation/accept-none", "no Accept means the newest version as application/json", |s| {
        gets(s, &[], Json)
    }),
    Rule::new("negotiation/accept-json", "application/json means the newest version", |s| {
        gets(s, &["application/json"], Json)
    }),
    Rule::new("negotiation/accept-application-any", "application/* means the newest version", |s| {
        gets(s, &["application/*"], Json)
    }),
    Rule::new("negotiation/accept-any", "*/* means the newest version", |s| gets(s, &["*/*"], Json)),
    Rule::new(
        "negotiation/accept-vnd-sava",
        "application/vnd.sava+json means the newest version, under that version's own media type",
        |s| gets(s, &["application/vnd.sava+json"], New),
    ),
    Rule::new(
        "negotiation/accept-none-for-one",
        "no Accept means the newest version for one product too",
        |server| {
            let path = server.product_path()?;
            let named = server.send(&server.get(&path).accept(&media_type(server.release.newest())))?;
            let plain = server.send(&server.get(&path))?;
            plain.is(200)?.is_of_type("application/json")?;
            demand!(plain.body == named.body, "{}: not the newest version", plain.asked);
            Ok(())
        },
    ),
    // Not acceptable.
    Rule::new(
        "negotiation/accept-unserved-version",
        "a version that this release does not serve is 406",
        |s| gets(s, &["application/vnd.sava.{beyond}+json"], Nothing),
    ),
    Rule::new("negotiation/accept-unknown-version", "a version that nobody knows is 406", |s| {
        gets(s, &["application/vnd.sava.v9999+json"], Nothing)
    }),
    Rule::new("negotiation/accept-version-zero", "there is no v0, nor v01", |s| {
        gets(s, &["application/vnd.sava.v0+json, application/vnd.sava.v01+json"], Nothing)
    }),
    Rule::new("negotiation/accept-fractional-version", "there is no v1.0", |s| {
        gets(s, &["application/vnd.sava.v1.0+json"], Nothing)
    }),
    Rule::new(
        "negotiation/accept-version-without-json",
        "application/vnd.sava.v1 and its +xml are other types: 406",
        |s| gets(s, &["application/vnd.sava.v1, application/vnd.sava.v1+xml"], Nothing),
    ),
    Rule::new("negotiation/accept-other-vendor", "another vendor's type is 406", |s| {
        gets(s, &["application/vnd.savage.v1+json"], Nothing)
    }),
    Rule::new("negotiation/accept-html-only", "text/html and nothing else is 406", |s| {
        gets(s, &["text/html"], Nothing)
    }),
    Rule::new("negotiation/accept-text-any", "text/* is 406", |s| gets(s, &["text/*"], Nothing)),
    Rule::new(
        "negotiation/accept-problem-only",
        "application/problem+json alone is 406: it is for errors",
        |s| gets(s, &["application/problem+json"], Nothing),
    ),
    Rule::new(
        "negotiation/accept-unserved-for-one",
        "one product, too, is 406 in a version that is not served",
        |server| {
            let request = server.get(&server.product_path()?).accept("application/vnd.sava.v9999+json");
            server.send(&request)?.is(406).map(drop)
        },
    ),
    // Quality.
    Rule::new("negotiation/accept-q-orders", "the higher q wins over the newer version", |s| {
        gets(s, &["application/vnd.sava.{old}+json;q=0.5, application/vnd.sava.{new}+json;q=0.4"], Old)
    }),
    Rule::new("negotiation/accept-q-defaults-to-one", "no q is q=1", |s| {
        gets(s, &["application/vnd.sava.{new}+json;q=0.999, application/vnd.sava.{old}+json"], Old)
    }),
    Rule::new("negotiation/accept-q-one-spellings", "q=1, q=1.0 and q=1.000 are one and the same", |s| {
        for one in ["1", "1.", "1.0", "1.00", "1.000"] {
            let accept = format!(
                "application/vnd.sava.{{new}}+json;q=0.999, application/vnd.sava.{{old}}+json;q={one}"
            );
            gets(s, &[&accept], Old)?;
        }
        Ok(())
    }),
    Rule::new("negotiation/accept-q-three-decimals", "q counts to its third decimal", |s| {
        gets(s, &["application/vnd.sava.{new}+json;q=0.001, application/vnd.sava.{old}+json;q=0.002"], Old)
    }),
    Rule::new("negotiation/accept-q-upper-case", "Q is q", |s| {
        gets(s, &["application/vnd.sava.{new}+json;Q=0.1, application/vnd.sava.{old}+json;Q=0.2"], Old)
    }),
    Rule::new(
        "negotiation/accept-q-over-specificity",
        "a wildcard with the higher q wins over a named version",
        |s| gets(s, &["application/vnd.sava.{old}+json;q=0.1, application/json"], Json),
    ),
    Rule::new("negotiation/accept-q-smallest", "q=0.001 is acceptable", |s| {
        gets(s, &["application/json;q=0.001"], Json)
    }),
    Rule::new("negotiation/accept-q-without-zero", "q=.2 is 0.2: old Java clients write it", |s| {
        gets(s, &["application/vnd.sava.{new}+json;q=.2, application/vnd.sava.{old}+json;q=.3"], Old)
    }),
    // q=0.
    Rule::new("negotiation/accept-q0-alone", "the only range with q=0 is 406", |s| {
        gets(s, &["application/json;q=0"], Nothing)
    }),
    Rule::new("negotiation/accept-q0-any", "*/*;q=0 is 406", |s| gets(s, &["*/*;q=0"], Nothing)),
    Rule::new(
        "negotiation/accept-q0-excludes",
        "a version named with q=0 is out, whatever else would let it in",
        |server| {
            server.has_a_choice()?;
            let refused = media_type(server.release.newest());
            let next = server.release.newest() - 1;
            for other in ["*/*", "application/*", "application/json", "application/vnd.sava+json"] {
                let answer = server.send(&server.get_list()?.accept(&format!("{other}, {refused};q=0")))?;
                answer.is(200)?;
                let said = answer.has("x-sava-media-type")?;
                demand!(
                    said.starts_with(&format!("sava.v{next};")),
                    "{} with {said}, not v{next}",
                    answer.story()
                );
            }
            Ok(())
        },
    ),
    Rule::new(
        "negotiation/accept-q0-excludes-all",
        "every version named with q=0 leaves nothing: 406",
        |server| {
            let mut accept = "*/*".to_owned();
            for version in &server.release.versions {
                accept.extend([", ", &media_type(*version), ";q=0"]);
            }
            gets(server, &[&accept], Nothing)
        },
    ),
    Rule::new("negotiation/accept-q0-spellings", "q=0, q=0.0 and q=0.000 all exclude", |s| {
        for zero in ["0", "0.", "0.0", "0.00", "0.000"] {
            gets(s, &[&format!("application/vnd.sava.{{old}}+json;q={zero}")], Nothing)?;
        }
        Ok(())
    }),
    Rule::new(
        "negotiation/accept-q0-of-any-spares-the-named",
        "*/*;q=0 does not exclude what is named",
        |s| gets(s, &["*/*;q=0, application/vnd.sava.{old}+json"], Old),
    ),
    Rule::new("negotiation/accept-q0-of-application-spares-the-named", "nor does application/*;q=0", |s| {
        gets(s, &["application/*;q=0, application/vnd.sava.{old}+json"], Old)
    }),
    Rule::new(
        "negotiation/accept-q0-of-application-over-any",
        "application/*;q=0 excludes what */* lets in",
        |s| gets(s, &["application/*;q=0, */*"], Nothing),
    ),
    Rule::new("negotiation/accept-q0-of-other-type", "another type with q=0 changes nothing", |s| {
        gets(s, &["text/html;q=0, application/json"], Json)
    }),
    Rule::new("negotiation/accept-q0-in-another-line", "q=0 excludes from another header line, too", |s| {
        gets(s, &["application/vnd.sava.{old}+json;q=0", "application/vnd.sava.{old}+json"], Nothing)
    }),
    // Equal quality.
    Rule::new(
        "negotiation/accept-equal-newest-wins",
        "of two named versions the newer wins, whatever their order",
        |s| {
            gets(s, &["application/vnd.sava.{old}+json, application/vnd.sava.{new}+json"], New)?;
            gets(s, &["application/vnd.sava.{new}+json, application/vnd.sava.{old}+json"], New)
        },
    ),
    Rule::new(
        "negotiation/accept-named-over-json",
        "a named version wins over application/json, whatever their order",
        |s| {
            gets(s, &["application/json, application/vnd.sava.{old}+json"], Old)?;
            gets(s, &["application/vnd.sava.{old}+json, application/json"], Old)
        },
    ),
    Rule::new(
        "negotiation/accept-named-over-vnd-sava",
        "a named version wins over application/vnd.sava+json",
        |s| {
            s.has_a_choice()?;
            gets(s, &["application/vnd.sava+json, application/vnd.sava.{old}+json"], Old)
        },
    ),
    Rule::new(
        "negotiation/accept-named-over-application-any",
        "a named version wins over application/*",
        |s| gets(s, &["application/*, application/vnd.sava.{old}+json"], Old),
    ),
    Rule::new("negotiation/accept-named-over-any", "a named version wins over */*", |s| {
        gets(s, &["*/*, application/vnd.sava.{old}+json"], Old)
    }),
    Rule::new(
        "negotiation/accept-vnd-sava-over-application-any",
        "application/vnd.sava+json wins over application/*",
        |s| gets(s, &["application/*, application/vnd.sava+json"], New),
    ),
    Rule::new("negotiation/accept-vnd-sava-over-any", "application/vnd.sava+json wins over */*", |s| {
        gets(s, &["*/*, application/vnd.sava+json"], New)
    }),
    Rule::new("negotiation/accept-json-and-any", "application/json, */* is application/json", |s| {
        gets(s, &["application/json, */*"], Json)?;
        gets(s, &["application/json, text/plain, */*"], Json)
    }),
    Rule::new(
        "negotiation/accept-falls-back-to-named",
        "a version that is not served gives way to one that is",
        |s| gets(s, &["application/vnd.sava.{beyond}+json, application/vnd.sava.{old}+json;q=0.5"], Old),
    ),
    Rule::new("negotiation/accept-falls-back-to-json", "or to application/json", |s| {
        gets(s, &["application/vnd.sava.{beyond}+json, application/json;q=0.1"], Json)
    }),
    Rule::new(
        "negotiation/accept-unacceptable-range-changes-nothing",
        "a range that matches nothing changes nothing",
        |s| gets(s, &["application/vnd.sava.{old}+json, application/xml, image/*"], Old),
    ),
    // Several lines.
    Rule::new(
        "negotiation/accept-several-lines",
        "several Accept lines are one list (RFC 9110 §5.3)",
        |s| {
            gets(s, &["text/html", "application/vnd.sava.{old}+json"], Old)?;
            gets(s, &["application/vnd.sava.{old}+json", "text/html"], Old)
        },
    ),
    Rule::new("negotiation/accept-several-lines-q", "q counts across lines", |s| {
        gets(s, &["application/vnd.sava.{new}+json;q=0.2", "application/vnd.sava.{old}+json;q=0.3"], Old)
    }),
    Rule::new(
        "negotiation/accept-several-lines-one-empty",
        "an empty line beside another adds nothing",
        |s| gets(s, &["", "application/vnd.sava.{old}+json"], Old),
    ),
    // Syntax.
    Rule::new("negotiation/accept-case-insensitive", "types are case-insensitive", |s| {
        gets(s, &["APPLICATION/VND.SAVA.{OLD}+JSON"], Old)?;
        gets(s, &["Application/Json"], Json)
    }),
    Rule::new("negotiation/accept-white-space", "white space around ; and , is nothing", |s| {
        gets(s, &["application/vnd.sava.{new}+json ;q=0.1 ,\tapplication/vnd.sava.{old}+json ; q=0.2 "], Old)
    }),
    Rule::new(
        "negotiation/accept-empty-elements",
        "empty elements of the list are nothing (RFC 9110 §5.6.1)",
        |s| gets(s, &[",, ,application/vnd.sava.{old}+json,,"], Old),
    ),
    Rule::new(
        "negotiation/accept-charset-parameter",
        "application/json; charset=utf-8 is application/json: many clients write it",
        |s| {
            gets(s, &["application/json; charset=utf-8"], Json)?;
            gets(s, &["application/vnd.sava.{old}+json;charset=utf-8"], Old)
        },
    ),
    Rule::new("negotiation/accept-parameter-and-q", "a parameter before q leaves q what it is", |s| {
        gets(
            s,
            &["application/vnd.sava.{new}+json;charset=utf-8;q=0.1, application/vnd.sava.{old}+json;q=0.2"],
            Old,
        )
    }),
    Rule::new("negotiation/accept-extension", "a parameter after q is let be", |s| {
        gets(s, &["application/vnd.sava.{old}+json;q=0.5;ext=1;other=\"x\""], Old)
    }),
    Rule::new("negotiation/accept-quoted-comma", "a comma inside a quoted string separates nothing", |s| {
        gets(s, &["text/plain;x=\", application/vnd.sava.{old}+json, \", application/json;q=0.5"], Json)
    }),
    Rule::new("negotiation/accept-quoted-semicolon", "nor does a semicolon", |s| {
        gets(s, &["application/vnd.sava.{old}+json;x=\"a;q=0\""], Old)
    }),
    Rule::new(
        "negotiation/accept-quoted-escape",
        "a backslash escapes a quote inside a quoted string (RFC 9110 §5.6.4)",
        |s| {
            gets(
                s,
                &["text/plain;x=\"\\\", application/vnd.sava.{old}+json, \", application/json;q=0.5"],
                Json,
            )
        },
    ),
    // Kind to real clients.
    Rule::new("negotiation/accept-empty", "an empty Accept is as if it were not there", |s| {
        gets(s, &[""], Json)
    }),
    Rule::new("negotiation/accept-blank", "so does one of blanks and commas", |s| {
        gets(s, &[" , ,\t,"], Json)
    }),
    Rule::new(
        "negotiation/accept-unreadable",
        "a wholly unreadable Accept is as if it were not there",
        |s| {
            for accept in
                [";;;", "application", "/", "application/", "/json", "@@@", "application json", "*/json"]
            {
                gets(s, &[accept], Json)?;
            }
            Ok(())
        },
    ),
    Rule::new("negotiation/accept-skips-the-unreadable", "a range that cannot be parsed is skipped", |s| {
        for broken in [";;;", "application/", "nonsense", "*/json", "a/b/c", "a b/c", ";q=1"] {
            gets(s, &[&format!("{broken}, application/vnd.sava.{{old}}+json")], Old)?;
            gets(s, &[&format!("application/vnd.sava.{{old}}+json, {broken}")], Old)?;
        }
        Ok(())
    }),
    Rule::new("negotiation/accept-skips-an-unreadable-q", "a range whose q is none is skipped", |s| {
        for q in ["high", "2", "-1", "0.1234567x", "1.5"] {
            let accept =
                format!("application/vnd.sava.{{new}}+json;q={q}, application/vnd.sava.{{old}}+json;q=0.1");
            gets(s, &[&accept], Old)?;
        }
        Ok(())
    }),
    Rule::new("negotiation/accept-bare-star", "a bare * is */*", |s| gets(s, &["*"], Json)),
    Rule::new("negotiation/accept-bare-star-q", "and has its q", |s| {
        gets(s, &["*;q=0.1, application/vnd.sava.{old}+json;q=0.2"], Old)
    }),
    Rule::new("negotiation/accept-old-java", "old Java clients get JSON", |s| {
        gets(s, &["text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"], Json)
    }),
    Rule::new("negotiation/accept-chrome", "a browser gets the newest as JSON: Chrome", |s| {
        gets(
            s,
            &[
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
            ],
            Json,
        )
    }),
    Rule::new("negotiation/accept-firefox", "a browser gets the newest as JSON: Firefox", |s| {
        gets(s, &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], Json)
    }),
    // Bounded work.
    Rule::new(
        "negotiation/accept-long",
        "an Accept of hundreds of ranges is answered, and within a second",
        |server| {
            let accept = vec!["text/html;level=1;q=0.7"; 350].join(", ");
            quick(server, &server.get_list()?.accept(&format!("{}, {accept}", media_type(1))))
        },
    ),
    Rule::new(
        "negotiation/accept-hostile",
        "so is one of nothing but separators, or quotes that never close",
        |server| {
            for piece in [",", ";", "\"", "\\\"", "a/b;c=\"", "*/*;q=0.1,"] {
                let accept = piece.repeat(7000 / piece.len());
                quick(server, &server.get_list()?.accept(&accept))?;
            }
            Ok(())
        },
    ),
];

/// Asks the list with these `Accept` lines, and demands what the row expects.
fn gets(server: &Server, lines: &[&str], expected: Gets) -> Checked {
    let (old, new) = (server.release.versions[0], server.release.newest());
    let fill = |line: &str| {
        line.replace("{old}", &format!("v{old}"))
            .replace("{OLD}", &format!("V{old}"))
            .replace("{new}", &format!("v{new}"))
            .replace("{beyond}", &format!("v{}", new + 1))
    };
    let whole = lines.concat().to_lowercase();
    if whole.contains("{old}") && whole.contains("{new}") {
        server.has_a_choice()?;
    }
    let request = lines.iter().fold(server.get_list()?, |request, line| request.accept(&fill(line)));
    let answer = server.send(&request)?;
    match expected {
        Old => answer.is(200)?.is_of_version(old).map(drop),
        New => answer.is(200)?.is_of_version(new).map(drop),
        Nothing => answer.is(406).map(drop),
        Json => {
            answer.is(200)?.is_of_type("application/json")?;
            // What the newest version looks like is known from asking for it by name.
            if let Ok(newest) = server.list(new) {
                demand!(answer.body == newest.body, "{} as application/json, but not v{new}", answer.story());
            }
            Ok(())
        }
    }
}

/// Any answer but an error of the server's own, in good time.
fn quick(server: &Server, request: &Request) -> Checked {
    let answer = server.send(request)?;
    demand!(matches!(answer.status, 200 | 406), "{}", answer.story());
    demand!(answer.elapsed < Duration::from_secs(1), "{} after {:?}", answer.story(), answer.elapsed);
    Ok(())
}
