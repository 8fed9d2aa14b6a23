//! The names of the product service and of PostgreSQL are asked of a name server that errs in each way that a
//! [`crate::name_server`] knows.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use fastrand::Rng;
use futures_util::future::join_all;
use sava_testbed::{Cart, Postgres, Product, has_own_resolver};
use socket2::{Domain, Socket, Type};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
    time::sleep,
};

use super::{Effort, Shoppers};
use crate::{
    database,
    name_server::{NameServer, WrongAddresses},
    oracle::Oracle,
    shopper::Addresses,
};

/// Longer than a page may take, and than what a name server said is valid for.
const LONG: Duration = Duration::from_secs(7);

/// Three replicas, whose connections to PostgreSQL are ended now and then, so that they ask for its name again.
pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    if !has_own_resolver() {
        oracle.count("runs left out, as this user may give no process a resolver of its own");
        return Ok(());
    }
    let mut rng = Rng::with_seed(seed);
    let product = Product::start().await;
    let server = Postgres::start().await;
    let wrong = WrongAddresses { stranger: own_address(), nobody: own_address(), dead: own_address() };
    let mut strangers = JoinSet::new();
    let mut dead = Vec::new();
    for port in [product.port(), server.port()] {
        let listener = TcpListener::bind((wrong.stranger, port)).await?;
        strangers.spawn(answer_as_a_stranger(listener));
        dead.push(DeadPort::at(SocketAddr::from((wrong.dead, port)))?);
    }
    let names = NameServer::start(own_address(), wrong, seed).await?;
    let directory = tempfile::tempdir()?;
    let resolv_conf = directory.path().join("resolv.conf");
    let options = format!("timeout:{} attempts:{}", rng.u8(3..10), rng.u8(1..4));
    std::fs::write(&resolv_conf, format!("nameserver {}\noptions {options}\n", names.address()))?;
    let start = || async {
        let cart = Cart::start().resolv_conf(&resolv_conf);
        let cart = cart.product(&format!("http://sava-product.sava.test:{}", product.port()));
        let cart = cart.env("DATABASE_URL", server.url("sava-postgres.sava.test"));
        let cart = cart.env("COOKIE_KEY", "5a".repeat(64)).await;
        cart.logged("orders can be written").await;
        cart
    };
    let carts = join_all([start(), start(), start()]).await;
    let addresses = Addresses::of(carts.iter().map(|cart| cart.address().to_owned()));
    names.break_down();
    let shoppers = Shoppers::start(8, seed, &addresses, oracle, |shopper| shopper)?;
    for turn in 0..effort.choose(3, 120) {
        sleep(Duration::from_millis(rng.u64(500..2000))).await;
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name <> 'psql'",
        );
        oracle.count("times the connections to PostgreSQL were ended");
        if turn % 3 == 1 {
            names.go_away();
            sleep(LONG).await;
            names.come_back();
            oracle.count("times the name server was away");
        }
    }
    names.mend();
    shoppers.go_home().await?;
    let (questions, faults) = names.counts();
    oracle.add("questions to the name server", questions);
    oracle.add("questions answered wrongly, late or not at all", faults);
    oracle.compare(&database::in_postgres(&server.url("127.0.0.1")).await?);
    Ok(())
}

/// An address of this machine that nobody else is likely to use.
fn own_address() -> Ipv4Addr {
    Ipv4Addr::new(127, fastrand::u8(1..32), fastrand::u8(..), fastrand::u8(1..255))
}

/// Another service, which has what it is asked for neither as a web server nor as a database.
async fn answer_as_a_stranger(listener: TcpListener) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 9\r\n\r\nnot here\n";
    while let Ok((mut client, _)) = listener.accept().await {
        tokio::spawn(async move {
            if client.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                let _ = client.write_all(ANSWER).await;
            }
        });
    }
}

/// A port at which connections wait for ever: its queue is full, and nobody takes one.
struct DeadPort {
    _listener: Socket,
    _first: std::net::TcpStream,
}

impl DeadPort {
    fn at(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&address.into())?;
        listener.listen(0)?;
        let first = std::net::TcpStream::connect(address)?;
        Ok(Self { _listener: listener, _first: first })
    }
}
