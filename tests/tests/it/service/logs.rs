//! Log lines are for programs: their values are values.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
    time::Instant,
};

use regex_lite::Regex;
use sava_testbed::{PATIENCE, Process, Signal, binaries, command};

/// The Rust sources below a directory.
fn sources(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => vec![fs::read_to_string(&path).unwrap()],
            _ => Vec::new(),
        })
        .collect()
}

/// The arguments of each macro that logs.
fn events(source: &str) -> Vec<&str> {
    let begins = Regex::new(r"tracing::(trace|debug|info|warn|error|event|\$level)!\(").unwrap();
    let arguments = begins.find_iter(source).map(|begin| {
        let rest = &source[begin.end()..];
        let mut depth = 1;
        let end = rest.find(|letter| {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            depth == 0
        });
        &rest[..end.expect("parentheses are closed")]
    });
    arguments.collect()
}

#[test]
fn values_are_not_what_rust_prints_to_debug() {
    let debug = Regex::new(r"(^|[(,=])\s*\?[a-z_(&*]|:#?\?\}").unwrap();
    for wrong in [r#"?error, "failed""#, r#"served_by = ?served_by, "x""#, r#""every {POLL:?}""#] {
        assert!(debug.is_match(wrong), "{wrong}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut n_events = 0;
    for crate_name in ["sava-service", "sava-product", "sava-cart"] {
        for source in sources(&root.join(crate_name).join("src")) {
            for event in events(&source) {
                assert!(!debug.is_match(event), "{crate_name}: {event}");
                n_events += 1;
            }
        }
    }
    assert!(n_events > 30, "{n_events}");
}

/// The answer to requests on a connection of their own, after which it ends.
fn exchange(address: &str, requests: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(requests.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("answers in time");
    answers
}

fn ends_in_time(mut child: Child) -> bool {
    let asked = Instant::now();
    while asked.elapsed() < PATIENCE {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::yield_now();
    }
    let _ = child.kill();
    false
}

#[test]
fn requests_do_not_wait_for_who_reads_the_log() {
    // More lines than a pipe holds, and than wait to be written.
    const BATCHES: usize = 6;
    const BATCH: usize = 1000;
    let mut product = command(binaries::path("sava-product"));
    product.envs([("LISTEN", "127.0.0.1:0"), ("ADMIN_LISTEN", "127.0.0.1:0"), ("LOG_FORMAT", "json")]);
    let mut product = product.stdout(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(product.stdout.take().unwrap()).lines();
    let mut address = |message: &str| {
        let line = log.by_ref().map(Result::unwrap).find(|line| line.contains(message)).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        line["address"].as_str().unwrap().to_owned()
    };
    let admin = address(r#""admin listening""#);
    let service = address(r#""listening""#);

    let last = "GET /nowhere HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
    let batch = "GET /nowhere HTTP/1.1\r\nHost: shop\r\n\r\n".repeat(BATCH - 1) + last;
    for _ in 0..BATCHES {
        assert_eq!(exchange(&service, &batch).matches("HTTP/1.1 404 ").count(), BATCH);
    }
    let metrics = exchange(&admin, "GET /metrics HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
    let dropped = metrics.lines().find_map(|line| line.strip_prefix("sava_log_lines_dropped_total "));
    assert!(dropped.unwrap().parse::<usize>().unwrap() > 0, "{metrics}");

    let id = rustix::process::Pid::from_child(&product);
    rustix::process::kill_process(id, Signal::TERM).unwrap();
    assert!(ends_in_time(product), "SIGTERM ends it all the same");
}

/// sava-product whose log is in that form, and the address of its service.
async fn logging(format: &str) -> (Process, String) {
    let mut product = command(binaries::path("sava-product"));
    let settings = [("LISTEN", "127.0.0.1:0"), ("ADMIN_LISTEN", "127.0.0.1:0"), ("LOG_FORMAT", format)];
    product.envs(settings).env("FAULT_ERROR_RATE", "0");
    let process = Process::spawn("sava-product", product);
    let listening = Regex::new(r#"listening.*address"?[=:]"?(127\.0\.0\.1:\d+)"#).unwrap();
    let address = |line: &str| Some(listening.captures(line)?[1].to_owned());
    let address = process.find("its address", |line| address(line).filter(|_| !line.contains("admin"))).await;
    (process, address)
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn a_request_is_told_to_people_in_a_row_and_a_404_by_its_path() {
    let (product, address) = logging("text").await;
    exchange(&address, &request("/products/ie"));
    exchange(&address, &request(&format!("/no/such{}", "/place".repeat(40))));
    let list = product.line("GET /products/{locale} 200 ").await;
    let row = Regex::new(r"^\d\d:\d\d:\d\d GET /products/\{locale\} 200 \d+\.\d\d ms v3$").unwrap();
    assert!(row.is_match(&list), "{list}");
    let unmatched = product.line("GET /no/such/place/place").await;
    assert!(unmatched.contains("… 404 ") && unmatched.chars().count() < 140, "{unmatched}");
    let output = product.stop().await.output;
    assert!(!output.contains("\x1b["), "colours are for terminals: {output}");
}

#[tokio::test]
async fn programs_are_told_the_path_where_no_route_says_it() {
    let (product, address) = logging("json").await;
    exchange(&address, &request("/products/ie"));
    exchange(&address, &request("/no/such%1b?q=secret"));
    let line = |line: String| serde_json::from_str::<serde_json::Value>(&line).expect("a line is JSON");
    let matched = line(product.line("/products/{locale}").await);
    assert!(matched.get("path").is_none(), "{matched}");
    let unmatched = line(product.line("unmatched").await);
    assert_eq!((&unmatched["path"], &unmatched["route"]), (&"/no/such%1b".into(), &"unmatched".into()));
}
