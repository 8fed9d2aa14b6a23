use proptest::prelude::*;

use super::*;

const ALL: &[ApiVersion] = &ApiVersion::ALL;

#[track_caller]
fn check(accept: &str, expected: impl Into<Option<(u8, MediaType)>>) {
    check_lines(&[accept], ALL, expected);
}

#[track_caller]
fn check_lines(accept: &[&str], served: &[ApiVersion], expected: impl Into<Option<(u8, MediaType)>>) {
    let choice = negotiate(accept.iter().map(|line| line.as_bytes()), served);
    assert_eq!(
        choice.ok().map(|choice| (choice.version.number(), choice.media_type)),
        expected.into(),
        "{accept:?}"
    );
}

const VENDOR: fn(u8) -> (u8, MediaType) = |version| (version, MediaType::Vendor);
const PLAIN: fn(u8) -> (u8, MediaType) = |version| (version, MediaType::Plain);

#[test]
fn a_named_version_is_served_in_its_own_type() {
    check("application/vnd.sava.v1+json", VENDOR(1));
    check("application/vnd.sava.v2+json", VENDOR(2));
    check("APPLICATION/VND.Sava.V3+JSON", VENDOR(3));
}

#[test]
fn ranges_without_a_version_mean_the_newest() {
    check("application/vnd.sava+json", VENDOR(3));
    for range in ["application/json", "application/*", "*/*", "*", ""] {
        check(range, PLAIN(3));
    }
    check_lines(&[], ALL, PLAIN(3));
    check_lines(&["application/vnd.sava+json"], &[ApiVersion::V1, ApiVersion::V2], VENDOR(2));
    check_lines(&["application/json"], &[ApiVersion::V1], PLAIN(1));
}

#[test]
fn nothing_acceptable_is_an_error() {
    for accept in ["application/vnd.sava.v9+json", "text/html", "application/xml;q=0.9, text/*", "*/*;q=0"] {
        check(accept, None);
    }
    check_lines(&["application/vnd.sava.v3+json"], &[ApiVersion::V1, ApiVersion::V2], None);
}

#[test]
fn the_better_quality_wins() {
    check("application/vnd.sava.v1+json;q=0.9, application/vnd.sava.v2+json;q=0.8", VENDOR(1));
    check("application/vnd.sava.v1+json;q=0.801, application/vnd.sava.v2+json;q=0.802", VENDOR(2));
    check("application/vnd.sava.v1+json;q=0.5, application/json;q=0.6", PLAIN(3));
    check("application/vnd.sava.v9+json, application/vnd.sava.v1+json;q=0.001", VENDOR(1));
}

#[test]
fn among_equals_the_one_that_says_more_wins_then_the_newest() {
    check("*/*, application/vnd.sava.v1+json", VENDOR(1));
    check("application/json, application/vnd.sava.v1+json", VENDOR(1));
    check(
        "application/*, application/json, application/vnd.sava+json, application/vnd.sava.v2+json",
        VENDOR(2),
    );
    check(
        "application/vnd.sava.v1+json, application/vnd.sava.v3+json, application/vnd.sava.v2+json",
        VENDOR(3),
    );
    check("application/json, application/vnd.sava+json", VENDOR(3));
}

#[test]
fn the_most_specific_range_gives_the_quality() {
    check("application/*;q=0.3, application/vnd.sava.v1+json;q=0.7, */*", VENDOR(1));
    check("application/vnd.sava.v3+json;q=0.1, */*", PLAIN(2));
    check("application/*;q=0, */*", None);
    check("*/*;q=0, application/vnd.sava.v1+json;q=0.1", VENDOR(1));
    check("application/json;q=0, */*", VENDOR(3));
}

#[test]
fn a_refused_version_is_out() {
    check("application/vnd.sava.v3+json;q=0, */*", PLAIN(2));
    check("application/vnd.sava.v3+json;q=0, application/json", PLAIN(2));
    check("application/vnd.sava+json, application/vnd.sava.v3+json;q=0.0", VENDOR(2));
    check("application/vnd.sava.v1+json;q=0, application/vnd.sava.v1+json", None);
    check_lines(&["*/*", "application/vnd.sava.v1+json;q=0.000"], &[ApiVersion::V1], None);
}

#[test]
fn header_lines_are_one_list() {
    check_lines(&["text/html", "application/vnd.sava.v2+json;q=0.5, */*;q=0.1"], ALL, VENDOR(2));
}

#[test]
fn real_clients_are_served() {
    let java = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2";
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
    check(java, PLAIN(3));
    check(browser, PLAIN(3));
    check("application/json, text/javascript, */*; q=0.01", PLAIN(3));
    check("application/json;charset=utf-8", PLAIN(3));
    check("application/json, text/plain, */*", PLAIN(3));
}

#[test]
fn what_cannot_be_parsed_is_skipped() {
    check("application/vnd.sava.v1+json;q=high, application/vnd.sava.v2+json", VENDOR(2));
    check("application/vnd.sava.v1+json, ;;, /, a b/c, */json, application/", VENDOR(1));
    check("application/vnd.sava.v3+json;q=1.5, application/vnd.sava.v1+json", VENDOR(1));
    for nothing in [",,, ,", "nonsense", "application/json;q=", "\"", "application/json;x=\"open"] {
        check(nothing, PLAIN(3));
    }
}

#[test]
fn quoted_strings_hide_separators() {
    check(r#"text/html;a="x, application/vnd.sava.v1+json", application/vnd.sava.v2+json"#, VENDOR(2));
    check(r#"application/vnd.sava.v1+json;a="\";q=0";q=0.5, */*;q=0.4"#, VENDOR(1));
}

#[test]
fn no_small_quality_is_a_refusal() {
    check("application/vnd.sava.v2+json;q=0.0001", VENDOR(2));
    check("application/vnd.sava.v2+json;q=1.000", VENDOR(2));
    check("application/vnd.sava.v2+json;q=0.0000", None);
}

#[test]
fn a_long_header_is_read_to_its_bound() {
    let long = format!("{}application/vnd.sava.v1+json", "a/b,".repeat(MAX_BYTES));
    check(&long, None);
}

/// Ranges as clients send them, with a quality or without.
fn some_range() -> impl Strategy<Value = (String, Option<u16>)> {
    let name = prop_oneof![
        Just("*/*".to_owned()),
        Just("application/*".to_owned()),
        Just("application/json".to_owned()),
        Just("application/vnd.sava+json".to_owned()),
        (1..5_u8).prop_map(|version| format!("application/vnd.sava.v{version}+json")),
        Just("text/html".to_owned()),
    ];
    (name, proptest::option::of(0..=1000_u16))
}

fn written(ranges: &[(String, Option<u16>)]) -> String {
    let ranges = ranges.iter().map(|(name, quality)| match quality {
        Some(quality) => format!("{name};q={}.{:03}", quality / 1000, quality % 1000),
        None => name.clone(),
    });
    ranges.collect::<Vec<_>>().join(", ")
}

fn choose(accept: &str) -> Result<Choice, NotAcceptable> {
    negotiate([accept.as_bytes()], ALL)
}

proptest! {
    #[test]
    fn it_never_panics(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5)) {
        let _ = negotiate(lines.iter().map(Vec::as_slice), ALL);
    }

    #[test]
    fn it_never_panics_on_what_looks_like_ranges(accept in r#"([a*]{1,3}/[a*]{1,3}(;q ?= ?[0-9.]{0,4}|;"\\?[,;]"?)?[,;]){0,9}"#) {
        let _ = choose(&accept);
    }

    #[test]
    fn order_is_immaterial(ranges in prop::collection::vec(some_range(), 1..8), seed in any::<u64>()) {
        let mut shuffled = ranges.clone();
        let length = shuffled.len();
        for position in 0..length {
            shuffled.swap(position, usize::try_from(seed.rotate_left(u32::try_from(position).unwrap()) % 64).unwrap() % length);
        }
        prop_assert_eq!(choose(&written(&ranges)), choose(&written(&shuffled)));
    }

    #[test]
    fn a_line_break_is_a_comma(ranges in prop::collection::vec(some_range(), 1..8)) {
        let lines: Vec<String> = ranges.iter().map(|range| written(std::slice::from_ref(range))).collect();
        prop_assert_eq!(negotiate(lines.iter().map(String::as_bytes), ALL), choose(&written(&ranges)));
    }

    #[test]
    fn a_refusal_always_excludes(ranges in prop::collection::vec(some_range(), 0..8), refused in 1..4_u8) {
        let accept = format!("{}, application/vnd.sava.v{refused}+json;q=0", written(&ranges));
        prop_assert!(choose(&accept).map_or(true, |choice| choice.version.number() != refused), "{}", accept);
    }

    #[test]
    fn an_unacceptable_range_changes_nothing(ranges in prop::collection::vec(some_range(), 1..8)) {
        let accept = written(&ranges);
        for more in ["text/html", "application/vnd.sava.v9+json", "application/xml;q=0", "image/*;q=1"] {
            prop_assert_eq!(choose(&format!("{more}, {accept}")), choose(&accept));
        }
    }

    #[test]
    fn only_what_is_served_is_chosen(ranges in prop::collection::vec(some_range(), 0..8)) {
        if let Ok(choice) = negotiate([written(&ranges).as_bytes()], &[ApiVersion::V1, ApiVersion::V2]) {
            prop_assert!(choice.version < ApiVersion::V3);
        }
    }
}
