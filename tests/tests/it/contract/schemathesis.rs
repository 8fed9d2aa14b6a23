//! The OpenAPI document against the real sava-product: schemathesis makes up requests from it, good and bad, and holds
//! what comes back against what the document says.

use sava_testbed::{Product, tools};

/// The checks that run.
const CHECKS: &[&str] = &[
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
];

/// Those that do not, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "positive_data_acceptance",
        "a parameter can be right and the query wrong: _page beside _start is a 400, and no OpenAPI schema can say so",
    ),
    ("use_after_free", "nothing can be deleted"),
    ("ensure_resource_availability", "nothing can be made"),
    ("ignored_auth", "the API is open"),
    ("object_level_authorization", "the API is open"),
];

#[tokio::test]
async fn every_release_is_what_its_document_says() {
    for release in ["1.0.3", "2.0.1", "3.0.0"] {
        let product = Product::start().release(release).await;
        let checks = CHECKS.join(",");
        let document = product.url("/openapi.json");
        let arguments = [
            "run",
            &document,
            "--checks",
            &checks,
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "25",
            // The same requests each time: a test that fails now and then teaches nobody anything.
            "--seed",
            "1",
            "--continue-on-failure",
        ];
        let output = tools::run("schemathesis", "schemathesis", &arguments).await;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "sava-product {release}:\n{said}");
        let generated = said.lines().find_map(|line| line.trim().split_once(" generated, "));
        let count: usize = generated.and_then(|(count, _)| count.parse().ok()).unwrap_or_default();
        assert!(count > 300, "sava-product {release}: {count} requests\n{said}");
    }
}

#[tokio::test]
async fn every_check_runs_or_has_a_reason() {
    let output = tools::run("schemathesis", "schemathesis", &["run", "--help"]).await;
    let help = String::from_utf8_lossy(&output.stdout);
    let (_, list) = help.split_once("--checks").expect("the option");
    let (_, list) = list.split_once("[possible values:").expect("its values");
    let (list, _) = list.split_once(']').expect("their end");
    for check in list.split([',', ' ', '\n']).filter(|check| !check.is_empty() && *check != "all") {
        let reason = LEFT_OUT.iter().find(|(name, _)| *name == check);
        assert!(CHECKS.contains(&check) != reason.is_some(), "{check}");
    }
}
