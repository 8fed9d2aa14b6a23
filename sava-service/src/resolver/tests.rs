use std::{
    collections::HashMap,
    fs,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{net::UdpSocket, sync::Notify};

use super::*;

/// A name server (RFC 1035 §4) that knows IPv4 addresses, and remembers what it was asked.
struct NameServer {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The names of questions for IPv4 addresses, as they came.
    asked: Mutex<Vec<String>>,
    is_asked: Notify,
    /// Whether answers wait.
    is_slow: AtomicBool,
    go_on: Notify,
}

impl NameServer {
    async fn start(at: SocketAddr, known: &[(&str, [u8; 4], u32)]) -> Self {
        let known: HashMap<String, ([u8; 4], u32)> =
            known.iter().map(|(name, address, ttl)| ((*name).to_owned(), (*address, *ttl))).collect();
        let socket = UdpSocket::bind(at).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            let mut packet = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut packet).await {
                let (name, question) = question(&packet[12..length]);
                let is_a = question.ends_with(&[0, 1, 0, 1]);
                if is_a {
                    shared.asked.lock().unwrap().push(name.clone());
                    shared.is_asked.notify_one();
                }
                while shared.is_slow.load(Ordering::SeqCst) {
                    shared.go_on.notified().await;
                }
                let found = known.get(&name).filter(|_| is_a);
                let flags = if known.contains_key(&name) { [0x84, 0] } else { [0x84, 3] };
                let n_answers = u8::from(found.is_some());
                let mut answer = [&packet[..2], &flags, &[0, 1, 0, n_answers, 0, 0, 0, 0], question].concat();
                if let Some((address, ttl)) = found {
                    // A pointer to the name, type A, class IN, the time to live, four bytes.
                    answer.extend([0xc0, 12, 0, 1, 0, 1]);
                    answer.extend(ttl.to_be_bytes());
                    answer.extend([0, 4]);
                    answer.extend(address);
                }
                socket.send_to(&answer, client).await.unwrap();
            }
        });
        Self { port, state }
    }

    async fn knowing(known: &[(&str, [u8; 4], u32)]) -> Self {
        Self::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), known).await
    }

    fn asked(&self) -> Vec<String> {
        self.state.asked.lock().unwrap().clone()
    }

    fn hold(&self) {
        self.state.is_slow.store(true, Ordering::SeqCst);
    }

    fn let_go(&self) {
        self.state.is_slow.store(false, Ordering::SeqCst);
        self.state.go_on.notify_one();
    }
}

/// The name and the bytes of a message's one question.
fn question(message: &[u8]) -> (String, &[u8]) {
    let (mut at, mut labels) = (0, Vec::new());
    while message[at] != 0 {
        let end = at + 1 + usize::from(message[at]);
        labels.push(String::from_utf8_lossy(&message[at + 1..end]).to_ascii_lowercase());
        at = end;
    }
    (labels.join("."), &message[..at + 5])
}

/// A machine with these files.
struct Machine {
    folder: tempfile::TempDir,
    resolver: Resolver,
}

impl Machine {
    fn new(hosts: &str, resolv_conf: &str, port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name| folder.path().join(name);
        fs::write(file("hosts"), hosts).unwrap();
        fs::write(file("resolv.conf"), resolv_conf).unwrap();
        let resolver = Resolver::of_files(file("hosts"), file("resolv.conf"), port);
        Self { folder, resolver }
    }

    async fn first(&self, name: &str) -> Result<String, String> {
        let addresses = self.resolver.resolve(name).await.map_err(|error| error.to_string())?;
        Ok(addresses[0].to_string())
    }
}

const HERE: &str = "nameserver 127.0.0.1\n";

#[tokio::test]
async fn names_with_underscores_are_names() {
    let server =
        NameServer::knowing(&[("sava_product", [10, 0, 0, 1], 5), ("_a._b", [10, 0, 0, 2], 5)]).await;
    let machine = Machine::new("", HERE, server.port);
    assert_eq!(machine.first("sava_product").await.unwrap(), "10.0.0.1");
    assert_eq!(machine.first("_a._b").await.unwrap(), "10.0.0.2");
    assert_eq!(machine.first("SAVA_Product").await.unwrap(), "10.0.0.1");
}

#[tokio::test]
async fn hosts_come_before_name_servers() {
    let server = NameServer::knowing(&[("sava-product", [10, 0, 0, 1], 5)]).await;
    let hosts = "# a comment\n192.0.2.7\tother sava-product # mine\n::1 sava-product six\nfe80::1%lo six\nnonsense six\n";
    let machine = Machine::new(hosts, HERE, server.port);
    for name in ["sava-product", "Sava-Product", "sava-product.", "other"] {
        assert_eq!(machine.first(name).await.unwrap(), "192.0.2.7", "{name}");
    }
    assert!(machine.first("six").await.unwrap().contains("::1"));
    assert_eq!(server.asked(), [""; 0]);
    fs::write(machine.folder.path().join("hosts"), "").unwrap();
    assert_eq!(machine.first("sava-product").await.unwrap(), "10.0.0.1");
}

#[tokio::test]
async fn localhost_needs_no_file() {
    let server = NameServer::knowing(&[("localhost", [10, 0, 0, 1], 5)]).await;
    let machine = Machine::new("", "", server.port);
    fs::remove_file(machine.folder.path().join("hosts")).unwrap();
    fs::remove_file(machine.folder.path().join("resolv.conf")).unwrap();
    for name in ["localhost", "LOCALHOST", "localhost.", "shop.localhost"] {
        assert_eq!(machine.first(name).await.unwrap(), "127.0.0.1", "{name}");
    }
    assert_eq!(machine.first("[::1]").await.unwrap(), "::1");
    assert_eq!(machine.first("192.0.2.7").await.unwrap(), "192.0.2.7");
    assert_eq!(server.asked(), [""; 0]);
}

/// Without a file, or a name server in it, the one of this machine is asked (resolv.conf(5)).
#[tokio::test]
async fn machine_asks_itself_where_no_name_server_is_named() {
    let server = NameServer::knowing(&[("sava-product", [10, 0, 0, 1], 5)]).await;
    for text in ["", "# nothing\noptions ndots:1\n"] {
        assert_eq!(Machine::new("", text, server.port).first("sava-product").await.unwrap(), "10.0.0.1");
    }
}

#[tokio::test]
async fn search_list_is_asked_as_written() {
    const POD: &str = "search sava.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n";
    let server = NameServer::knowing(&[
        ("sava-product.svc.cluster.local", [10, 0, 0, 1], 5),
        ("a.b.example", [10, 0, 0, 2], 5),
    ])
    .await;
    let machine = Machine::new("", &format!("{HERE}{POD}"), server.port);
    assert_eq!(machine.first("sava-product").await.unwrap(), "10.0.0.1");
    assert_eq!(server.asked(), ["sava-product.sava.svc.cluster.local", "sava-product.svc.cluster.local"]);

    let error = machine.resolver.resolve("none").await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let asked = server.asked();
    assert_eq!(
        asked[2..],
        ["none.sava.svc.cluster.local", "none.svc.cluster.local", "none.cluster.local", "none"]
    );

    // As many dots as `ndots`, or one at the end: the name itself first, or alone.
    let machine = Machine::new("", &format!("{HERE}search cluster.local\n"), server.port);
    assert_eq!(machine.first("a.b.example").await.unwrap(), "10.0.0.2");
    assert_eq!(server.asked().last().unwrap(), "a.b.example");
    machine.first("sava-product.").await.unwrap_err();
    assert_eq!(server.asked().last().unwrap(), "sava-product");
    assert_eq!(server.asked().len(), asked.len() + 2);
}

#[tokio::test]
async fn rotate_asks_name_servers_in_turn() {
    let known =
        [("a", [10, 0, 0, 1], 0), ("b", [10, 0, 0, 1], 0), ("c", [10, 0, 0, 1], 0), ("d", [10, 0, 0, 1], 0)];
    let first = NameServer::knowing(&known).await;
    let second = NameServer::start(SocketAddr::from(([127, 0, 0, 2], first.port)), &known).await;
    let machine = Machine::new("", &format!("{HERE}nameserver 127.0.0.2\noptions rotate\n"), first.port);
    for (name, ..) in known {
        machine.first(name).await.unwrap();
    }
    assert!(
        !first.asked().is_empty() && !second.asked().is_empty(),
        "{:?} {:?}",
        first.asked(),
        second.asked()
    );
}

#[tokio::test]
async fn changed_file_is_read_again() {
    let server = NameServer::knowing(&[("a.new", [10, 0, 0, 1], 5)]).await;
    let machine = Machine::new("", &format!("{HERE}search old\n"), server.port);
    assert!(machine.first("a").await.is_err());
    fs::write(machine.folder.path().join("resolv.conf"), format!("{HERE}search new\n")).unwrap();
    assert_eq!(machine.first("a").await.unwrap(), "10.0.0.1");
}

#[tokio::test]
async fn late_answer_is_kept_for_its_time_to_live() {
    let server = NameServer::knowing(&[("long", [10, 0, 0, 1], 3600), ("short", [10, 0, 0, 2], 0)]).await;
    let machine = Machine::new("", HERE, server.port);
    for (name, address) in [("long", "10.0.0.1"), ("short", "10.0.0.2")] {
        server.hold();
        // Whoever asked gives up; the look-up goes on.
        tokio::select! {
            _ = machine.resolver.resolve(name) => panic!("the name server holds its answer"),
            () = server.state.is_asked.notified() => {}
        }
        server.let_go();
        assert_eq!(machine.first(name).await.unwrap(), address);
    }
    assert_eq!(server.asked(), ["long", "short"], "each was asked for once");

    // The name server is slow once more, and what it said is no longer fresh.
    tokio::time::sleep(FRESH).await;
    server.hold();
    assert_eq!(machine.first("long").await.unwrap(), "10.0.0.1");
    assert_eq!(server.asked(), ["long", "short", "long"], "a newer answer was asked for");
    let over = tokio::time::timeout(PATIENCE * 2, machine.first("short")).await;
    assert!(over.is_err(), "its time to live is over: {over:?}");
    server.let_go();
    assert_eq!(machine.first("short").await.unwrap(), "10.0.0.2");
}

#[tokio::test]
async fn addresses_take_turns() {
    let machine = Machine::new("192.0.2.1 a\n192.0.2.2 a\n", "", 1);
    let mut firsts = Vec::new();
    for _ in 0..4 {
        firsts.push(machine.first("a").await.unwrap());
    }
    assert_eq!(firsts, ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2"]);
}
