//! The contract of the product API against the real sava-product in each release, behind proxies, and against servers
//! that break it.

mod broken;
mod middleman;
mod pact;
mod schemathesis;

use sava_contract::{Report, Server, rules};
use sava_testbed::{
    Product,
    cluster::{ApiServer, Kubectl},
};

use middleman::Middleman;

const RELEASES: [&str; 3] = ["1.0.3", "2.0.1", "3.0.0"];

/// The whole contract against the server at a URL.
async fn contract(url: &str) -> Report {
    let url = url.to_owned();
    let run = tokio::task::spawn_blocking(move || {
        let rules = rules::named(&[]).expect("all rules");
        let server = Server::find(&url, None, None).expect("a server that names its release");
        Report::of(&url, &server, &rules)
    });
    run.await.expect("the contract runs to its end")
}

#[track_caller]
fn assert_kept(report: &Report) {
    let failed = report.failed();
    assert!(failed.is_empty(), "{failed:?} of\n{}", report.text());
}

/// Why a rule was not looked at.
fn not_applicable<'a>(report: &'a Report, rule: &str) -> Option<&'a str> {
    report.rules.iter().find(|(it, _)| it.id == rule).and_then(|(_, verdict)| match verdict {
        sava_contract::Verdict::NotApplicable(reason) => Some(reason.as_str()),
        _ => None,
    })
}

#[tokio::test]
async fn every_release_keeps_the_contract() {
    for release in RELEASES {
        let product = Product::start().release(release).await;
        let report = contract(&product.url("")).await;
        assert_kept(&report);
        assert_eq!(report.release, release);
        let counts = report.counts();
        assert!(counts.passed > 300, "{}", report.text());
    }
}

/// What a pipeline asks of a release, and what a person reads of the answer: 2.1.0-breaking is held to what 2.0.1 promises.
#[tokio::test]
async fn a_report_ends_with_what_is_broken() {
    let product = Product::start().release("2.1.0-breaking").await;
    let url = product.url("");
    let run = tokio::task::spawn_blocking(move || {
        let rules = rules::named(&["routes".to_owned(), "negotiation".to_owned()]).expect("rules");
        let server = Server::find(&url, Some("2.0.1"), None).expect("a server");
        Report::of(&url, &server, &rules)
    });
    let report = run.await.expect("the contract runs to its end");
    let counts = report.counts();
    let (text, summary) = (plain(&report.text()), plain(&report.summary()));
    for lines in [&text, &summary] {
        let (first, _) = lines.split_once('\n').expect("lines");
        assert!(
            first.ends_with(
                "says that it is sava-product 2.1.0-breaking; held to what 2.0.1 promises: v1, v2"
            )
        );
        let (_, end) = lines.split_once("FAIL routes/").expect("broken rules");
        assert!(!end.contains("\npass "), "{lines}");
        assert!(lines.matches("└ GET ").count() > 3, "{lines}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("FAIL ")).count(), counts.failed);
    assert_eq!(text.lines().filter(|line| line.starts_with("pass ")).count(), counts.passed);
    let parts: Vec<_> = summary.lines().skip(1).take(2).collect();
    assert!(parts[0].starts_with("FAIL routes ") && parts[1].starts_with("FAIL negotiation "), "{summary}");
}

/// Without styles.
fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[tokio::test]
async fn newest_release_is_held_to_all_but_what_needs_a_proxy() {
    let product = Product::start().await;
    let report = contract(&product.url("")).await;
    let left_out: Vec<&str> = report
        .rules
        .iter()
        .filter(|(rule, _)| not_applicable(&report, rule.id).is_some())
        .map(|(rule, _)| rule.id)
        .collect();
    // A document that names no server leaves the prefix to its reader, which only shows behind one.
    assert!(left_out.iter().all(|id| *id == "documents/openapi-holds-below-a-prefix"), "{left_out:?}");
}

#[tokio::test]
async fn a_bare_catalog_keeps_the_contract() {
    let data = tempfile::tempdir().unwrap();
    let products = r#"{"products": [
        {"id": 1, "locale": "en", "title": "Apples", "description": "Round.", "price": 1.5},
        {"id": 2, "locale": "en", "title": "apples, more", "description": "Rounder.", "price": 1e1},
        {"id": 10, "locale": "en", "title": "Pears", "description": "", "price": 0}]}"#;
    std::fs::write(data.path().join("db.json"), products).unwrap();
    for release in RELEASES {
        let product = Product::start().release(release).data(data.path()).await;
        assert_kept(&contract(&product.url("")).await);
    }
}

#[tokio::test]
async fn the_contract_holds_below_a_prefix() {
    let product = Product::start().await;
    let middleman = Middleman::before(&product.url("")).below("/shop/api").start().await;
    let report = contract(&middleman.url("/shop/api/")).await;
    assert_kept(&report);
    assert_eq!(report.through, None);
}

#[tokio::test]
async fn the_contract_holds_through_kubectl_proxy() {
    for release in RELEASES {
        let product = Product::start().release(release).await;
        let server = ApiServer::start().await;
        let address = product.url("").trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        server.add_service("shop", "sava-product", 9070, None, &[address]);
        let proxy = Kubectl::new(&server).proxy().await;
        let report = contract(&proxy.service("shop", "sava-product:9070")).await;
        assert_kept(&report);
        assert!(report.text().contains("seen through the proxy of a Kubernetes API server"));
        for rule in ["cors/cors-any-origin", "limits/no-host-is-400", "documents/docs-holds-below-a-prefix"] {
            let reason = not_applicable(&report, rule).unwrap_or_else(|| panic!("{rule} was looked at"));
            assert!(reason.starts_with("the API server's proxy "), "{rule}: {reason}");
        }
    }
}

#[tokio::test]
async fn the_report_is_for_programs_too() {
    let product = Product::start().release("1.0.3").await;
    let report = contract(&product.url("")).await;
    let json = report.json();
    assert_eq!((&json["failed"], &json["release"]), (&0.into(), &"1.0.3".into()));
    assert_eq!(json["rules"].as_array().unwrap().len(), report.rules.len());
    let junit = report.junit().unwrap();
    let cases = report.rules.len();
    assert!(junit.contains(&format!(r#" tests="{cases}""#)), "{}", &junit[..400]);
    assert_eq!(junit.matches("<testcase ").count(), cases);
    assert_eq!(junit.matches("<skipped").count(), report.counts().not_applicable);
}
