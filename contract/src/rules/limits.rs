//! What is too much, and what is not a request.

use crate::{
    Rule, Server,
    http::Request,
    objection::{Checked, demand},
};

pub(super) const RULES: &[Rule] = &[
    Rule::new("limits/long-target-is-414", "a target over 8 KiB is a 414 problem", |s| {
        s.send(&s.get(&format!("/{}", "a".repeat(9000))))?.problem(414).map(drop)
    }),
    Rule::new("limits/long-query-is-414", "so is one whose query is too long", |s| {
        s.send(&s.get_list()?.raw_query(&format!("q={}", "a".repeat(9000))))?.problem(414).map(drop)
    }),
    Rule::new("limits/target-within-the-limit", "a target below 8 KiB is none", |s| {
        let answer = s.send(&s.get_list()?.raw_query(&format!("q={}", "a".repeat(7800))))?;
        demand!(answer.status != 414, "{}", answer.story());
        Ok(())
    }),
    Rule::new("limits/large-headers-are-431", "a header section over 32 KiB is a 431 problem", |s| {
        s.send(&padded(&s.get_list()?, 36, 1000))?.problem(431).map(drop)
    }),
    Rule::new("limits/many-headers-are-431", "so is one of more than 64 fields", |s| {
        s.send(&padded(&s.get_list()?, 80, 5))?.problem(431).map(drop)
    }),
    Rule::new("limits/headers-within-the-limits", "fifty fields of 400 bytes are none", |s| {
        s.send(&padded(&s.get_list()?, 50, 400))?.is(200).map(drop)
    }),
    Rule::new("limits/no-host-is-400", "HTTP/1.1 without Host is a 400 problem (RFC 9112 §3.2)", |s| {
        hosts(s, &[]).and_then(|request| s.send(&request)?.problem(400).map(drop))
    }),
    Rule::new("limits/two-hosts-are-400", "so are two", |s| {
        hosts(s, &["localhost", "example.com"]).and_then(|request| s.send(&request)?.problem(400).map(drop))
    }),
    Rule::new("limits/invalid-host-is-400", "so is one that is not a host", |server| {
        for host in ["a b", "a/b", "http://localhost", "user@localhost", "localhost:port", "[::1"] {
            server.send(&hosts(server, &[host])?)?.problem(400)?;
        }
        Ok(())
    }),
    Rule::new("limits/any-host-name-is-fine", "a name, an address and a port are hosts", |server| {
        for host in [
            "sava-product",
            "sava-product.ns.svc.cluster.local:9070",
            "127.0.0.1:1",
            "[::1]:8080",
            "EXAMPLE.com",
        ] {
            server.send(&hosts(server, &[host])?)?.is(200)?;
        }
        Ok(())
    }),
    Rule::new("limits/http-1-0-is-answered", "HTTP/1.0 has no Host and is answered", |server| {
        server.directly("speaks for itself")?;
        let request = server.get_list()?.http_1_0().without("Host");
        server.send(&request)?.is(200).map(drop)
    }),
    Rule::new(
        "limits/absolute-form-is-understood",
        "a target that is a whole URL is understood (RFC 9112 §3.2.2)",
        |server| {
            server.directly("takes it for its own")?;
            server.send(&server.get_list()?.absolute_form())?.is(200).map(drop)
        },
    ),
    Rule::new(
        "limits/asterisk-form-is-answered",
        "OPTIONS * is not a server error (RFC 9112 §3.2.4)",
        |server| {
            server.directly("takes it for its own")?;
            server.send(&server.ask("OPTIONS", "/").asterisk_form())?.is_no_server_error().map(drop)
        },
    ),
    Rule::new("limits/unknown-headers-are-ignored", "headers that nobody knows change nothing", |server| {
        let plain = server.send(&server.get_list()?)?;
        let answer =
            server.send(&server.get_list()?.header("X-Whatever", "1").header("Prefer", "return=minimal"))?;
        demand!(answer.is(200)?.body == plain.body, "{} with other content", answer.story());
        Ok(())
    }),
    Rule::new(
        "limits/forwarded-headers-change-nothing",
        "what a client says in X-Forwarded-* or Forwarded does not get into an answer",
        |server| {
            for path in
                [server.list_path()?, "/products".to_owned(), "/".to_owned(), "/openapi.json".to_owned()]
            {
                let request = server
                    .get(&path)
                    .header("X-Forwarded-Host", "evil.example")
                    .header("X-Forwarded-Prefix", "/evil.example")
                    .header("Forwarded", "host=evil.example");
                let answer = server.send(&request)?;
                let found = answer.text().contains("evil.example")
                    || answer.headers.iter().any(|(_, value)| value.contains("evil.example"));
                demand!(!found, "{} with evil.example", answer.story());
            }
            Ok(())
        },
    ),
];

fn padded(request: &Request, count: usize, length: usize) -> Request {
    (0..count)
        .fold(request.clone(), |request, n| request.header(&format!("X-Padding-{n}"), &"x".repeat(length)))
}

fn hosts(server: &Server, hosts: &[&str]) -> Checked<Request> {
    server.directly("sets Host itself")?;
    Ok(hosts.iter().fold(server.get_list()?.without("Host"), |request, host| request.header("Host", host)))
}
