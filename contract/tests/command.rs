//! What a pipeline sees of `sava-contract`: exit codes, and what is on stdout and in files.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    process::{Command, Output},
};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sava-contract")).args(arguments).output().unwrap()
}

/// The URL of a server that says 404 to everything, for as long as the test runs.
fn nothing_there() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
    });
    url
}

#[test]
fn a_broken_rule_is_exit_code_1() {
    let report = std::env::temp_dir().join(format!("sava-contract-{}.xml", std::process::id()));
    let arguments =
        ["--release", "3.0.0", "--rule", "routes/livez", "--rule", "routes/locales", "--format", "json"];
    let url = nothing_there();
    let output = run(&[&[url.as_str(), "--junit", report.to_str().unwrap()], &arguments[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["apiVersions"], serde_json::json!(["v1", "v2", "v3"]));
    assert_eq!(json["rules"][0]["rule"], "routes/livez-answers");
    assert_eq!(json["rules"][0]["verdict"], "fail");
    let junit = std::fs::read_to_string(&report).unwrap();
    std::fs::remove_file(report).unwrap();
    assert!(junit.contains("<failure"), "{junit}");
}

#[test]
fn what_cannot_be_asked_is_exit_code_2() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let nothing = nothing_there();
    for arguments in [
        &[nobody.as_str()][..],
        // Without a /version nothing tells which release this should be.
        &[nothing.as_str()],
        &["ftp://localhost"],
        &[nothing.as_str(), "--release", "three"],
        &[nothing.as_str(), "--rule", "nothing/"],
        &[],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn the_rules_are_listed_with_what_they_promise() {
    let output = run(&["--list"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() > 400);
    assert!(text.contains("negotiation/accept-q0-excludes  "), "{text}");
}
