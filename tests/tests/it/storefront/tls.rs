//! Orders in a PostgreSQL that takes connections with TLS alone, by certificates of authorities of the test's own.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixStream},
    },
    path::PathBuf,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use sava_testbed::{Cart, CartBuilder, Postgres, body, client};
use tempfile::TempDir;

use super::{
    authority::{Authority, Certificate},
    orders::{follow_the_primary, is_closed_for_orders, is_open_for_orders, key},
    roving_shopper::RovingShopper,
};

/// A server, the authority of its certificate, and the files that the store front reads.
struct Stage {
    postgres: Postgres,
    authority: Authority,
    files: TempDir,
}

impl Stage {
    /// Its certificate is for `localhost`.
    async fn open() -> Self {
        Self::open_for("scram-sha-256").await
    }

    async fn open_for(access: &str) -> Self {
        let (authority, mut postgres) = (Authority::new("sava's authority"), Postgres::start().await);
        let Certificate { pem, key } = authority.sign("shop", &["localhost"]);
        postgres.serve_by_tls(&pem, &key, &authority.pem(), access).await;
        let stage = Self { postgres, authority, files: tempfile::tempdir().unwrap() };
        stage.write("ca.crt", &stage.authority.pem());
        stage
    }

    async fn serve_by(&mut self, Certificate { pem, key }: &Certificate) {
        self.postgres.serve_by_tls(pem, key, &self.authority.pem(), "scram-sha-256").await;
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let file = self.files.path().join(name);
        fs::write(&file, content).unwrap();
        file
    }

    /// `DIR` in `parameters` is the directory of the files.
    fn cart(&self, host: &str, parameters: &str) -> CartBuilder {
        let parameters = parameters.replace("DIR", &self.files.path().display().to_string());
        let url = format!("{}?{parameters}", self.postgres.url(host));
        Cart::start().env("DATABASE_URL", url).env("COOKIE_KEY", key())
    }

    async fn takes_orders(&self, host: &str, parameters: &str) {
        let cart = self.cart(host, parameters).await;
        cart.logged("orders can be written").await;
        let shopper = RovingShopper::new();
        shopper.add(&cart, "garlic", "1").await;
        is_open_for_orders(&cart, &shopper).await;
    }

    /// Log and readiness say `why`.
    async fn takes_none(&self, host: &str, parameters: &str, why: &str) {
        let cart = self.cart(host, parameters).await;
        let line = cart.logged("orders cannot be written").await;
        assert!(line.contains(why) && !line.contains("s3cret"), "{parameters}: {line}");
        let verbose = cart.admin_url("/readyz?verbose").await;
        let verbose = body(client().get(verbose).send().await.unwrap()).await;
        assert!(verbose.contains(why) && !verbose.contains("s3cret"), "{parameters}: {verbose}");
    }
}

#[tokio::test]
async fn orders_go_by_tls_in_every_mode_that_has_it() {
    let stage = Stage::open().await;
    for (host, parameters) in [
        ("localhost", ""),
        ("localhost", "sslmode=allow"),
        ("localhost", "sslmode=prefer"),
        ("127.0.0.1", "sslmode=require"),
        ("127.0.0.1", "sslmode=require&sslrootcert=DIR/ca.crt"),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert=DIR/ca.crt"),
        ("localhost", "sslmode=verify-full&sslrootcert=DIR/ca.crt"),
    ] {
        stage.takes_orders(host, parameters).await;
    }
    stage.takes_none("localhost", "sslmode=disable", "no encryption").await;
    let why = "the certificate of 127.0.0.1 is not for that name, but for DnsName(\\\"localhost\\\")";
    stage.takes_none("127.0.0.1", "sslmode=verify-full&sslrootcert=DIR/ca.crt", why).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_by_verify_full() {
    let mut stage = Stage::open().await;
    stage.serve_by(&stage.authority.sign("localhost", &["db.example"])).await;
    let why = "the certificate of localhost is not for that name, but for DnsName(\\\"db.example\\\")";
    stage.takes_none("localhost", "sslmode=verify-full&sslrootcert=DIR/ca.crt", why).await;
    stage.takes_orders("localhost", "sslmode=verify-ca&sslrootcert=DIR/ca.crt").await;
    stage.serve_by(&stage.authority.sign("localhost", &[])).await;
    let why = "the certificate of localhost has no subjectAltName";
    stage.takes_none("localhost", "sslmode=verify-full&sslrootcert=DIR/ca.crt", why).await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let stage = Stage::open().await;
    let other = stage.write("other.crt", &Authority::new("somebody else's authority").pem());
    for mode in ["require", "verify-ca", "verify-full"] {
        let parameters = format!("sslmode={mode}&sslrootcert=DIR/other.crt");
        let why = format!(
            "the certificate of localhost was signed by none of the authorities in sslrootcert ({})",
            other.display()
        );
        stage.takes_none("localhost", &parameters, &why).await;
    }
    let parameters = "sslmode=verify-full&sslrootcert=system";
    stage
        .takes_none("localhost", parameters, "the certificate of localhost was signed by no public authority")
        .await;
    // The file is replaced, as a Secret is: it is read anew.
    let cart = stage.cart("localhost", "sslmode=verify-full&sslrootcert=DIR/other.crt").await;
    let shopper = RovingShopper::new();
    is_closed_for_orders(&cart, &shopper).await;
    stage.write("other.crt", &stage.authority.pem());
    is_open_for_orders(&cart, &shopper).await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let mut stage = Stage::open().await;
    let expired = stage.authority.sign_with("localhost", &["localhost"], |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    stage.serve_by(&expired).await;
    let why = "the certificate of localhost has expired";
    stage.takes_none("localhost", "sslmode=verify-ca&sslrootcert=DIR/ca.crt", why).await;
}

/// As `openssl req -x509` makes it, and PostgreSQL's manual shows it: one that may sign others, and is its own
/// authority.
#[tokio::test]
async fn a_certificate_that_signed_itself_is_trusted_where_it_is_given() {
    let mut stage = Stage::open().await;
    let own = |not_after: i32| {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(not_after, 1, 1);
        let key = KeyPair::generate().unwrap();
        Certificate { pem: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    };
    let (valid, expired) = (own(4000), own(2020));
    for certificate in [&valid, &expired] {
        stage.serve_by(certificate).await;
        stage.write("server.crt", &certificate.pem);
        let parameters = "sslmode=verify-full&sslrootcert=DIR/server.crt";
        if certificate.pem == valid.pem {
            stage.takes_orders("localhost", parameters).await;
            stage.takes_none("127.0.0.1", parameters, "is not for that name").await;
            stage
                .takes_none("localhost", "sslmode=verify-ca&sslrootcert=DIR/ca.crt", "is not accepted")
                .await;
        } else {
            stage.takes_none("localhost", parameters, "has expired").await;
        }
    }
}

#[tokio::test]
async fn a_certificate_of_the_store_fronts_own_lets_it_in() {
    for access in ["scram-sha-256 clientcert=verify-full", "cert"] {
        let stage = Stage::open_for(access).await;
        let (own, other) = (stage.authority.sign("shop", &[]), stage.authority.sign("somebody", &[]));
        let foreign = Authority::new("somebody else's authority").sign("shop", &[]);
        for (name, Certificate { pem, key }) in [("own", own), ("other", other), ("foreign", foreign)] {
            stage.write(&format!("{name}.crt"), &pem);
            stage.write(&format!("{name}.key"), &key);
        }
        let with = |name: &str| {
            format!("sslmode=verify-full&sslrootcert=DIR/ca.crt&sslcert=DIR/{name}.crt&sslkey=DIR/{name}.key")
        };
        stage.takes_orders("localhost", &with("own")).await;
        let why = "authentication failed for user";
        stage.takes_none("localhost", &with("other"), why).await;
        let why = "localhost does not accept the certificate in sslcert";
        stage.takes_none("localhost", &with("foreign"), why).await;
        let why = "requires a valid client certificate";
        stage.takes_none("localhost", "sslmode=require", why).await;
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let stage = Stage {
        postgres: Postgres::start().await,
        authority: Authority::new("sava's authority"),
        files: tempfile::tempdir().unwrap(),
    };
    stage.write("ca.crt", &stage.authority.pem());
    let why = "localhost has no TLS, which sslmode asks for";
    stage.takes_none("localhost", "sslmode=require", why).await;
    stage.takes_none("localhost", "sslmode=verify-full&sslrootcert=DIR/ca.crt", why).await;
    for parameters in ["", "sslmode=allow", "sslmode=prefer"] {
        stage.takes_orders("localhost", parameters).await;
    }
}

#[tokio::test]
async fn mistakes_in_what_tls_needs_are_named_at_the_start() {
    let (authority, files) = (Authority::new("sava's authority"), tempfile::tempdir().unwrap());
    let (own, other) = (authority.sign("shop", &[]), authority.sign("shop", &[]));
    for (name, content) in [("ca.crt", &authority.pem()), ("own.crt", &own.pem), ("other.key", &other.key)] {
        fs::write(files.path().join(name), content).unwrap();
    }
    fs::write(files.path().join("empty"), "").unwrap();
    let directory = files.path().display().to_string();
    for (parameters, why) in [
        ("sslmode=on", "sslmode takes disable, allow, prefer, require, verify-ca or verify-full"),
        ("sslmode=verify-ca", "need sslrootcert"),
        ("sslmode=verify-full", "need sslrootcert"),
        ("sslmode=verify-ca&sslrootcert=system", "goes with sslmode=verify-full alone"),
        (
            "sslmode=verify-full&sslrootcert=DIR/missing",
            "sslrootcert: \"DIR/missing\" cannot be read: I/O error: No such file",
        ),
        ("sslrootcert=DIR/missing", "sslrootcert: \"DIR/missing\" cannot be read"),
        ("sslmode=require&sslrootcert=DIR/empty", "sslrootcert: \"DIR/empty\" has no certificate"),
        ("sslmode=require&sslcert=DIR/own.crt", "sslcert and sslkey go together"),
        (
            "sslmode=require&sslcert=DIR/empty&sslkey=DIR/other.key",
            "sslcert: \"DIR/empty\" has no certificate",
        ),
        (
            "sslmode=require&sslcert=DIR/own.crt&sslkey=DIR/own.crt",
            "sslkey: \"DIR/own.crt\" cannot be read as a private key",
        ),
        (
            "sslmode=require&sslcert=DIR/own.crt&sslkey=DIR/other.key",
            "sslkey: \"DIR/other.key\" is not the key of the certificate in sslcert",
        ),
        ("sslmode=require&sslcrl=DIR/crl", "sslcrl is not supported"),
        ("sslmode=require&channel_binding=require", "channel_binding=require is not supported"),
    ] {
        let url = format!("postgres://shop:s3cret@localhost/shop?{}", parameters.replace("DIR", &directory));
        let exit = Cart::start().env("DATABASE_URL", url).env("COOKIE_KEY", key()).exit().await;
        let why = why.replace("DIR", &directory);
        assert_eq!(exit.code, Some(2), "{parameters}: {}", exit.output);
        assert!(
            exit.output.contains(&why) && !exit.output.contains("s3cret"),
            "{parameters}: {}",
            exit.output
        );
    }
}

#[tokio::test]
async fn orders_follow_the_primary_through_a_failover_by_tls() {
    let Stage { postgres, files, .. } = Stage::open().await;
    let parameters = format!("?sslmode=verify-full&sslrootcert={}/ca.crt", files.path().display());
    follow_the_primary(postgres, "localhost", &parameters).await;
}

#[tokio::test]
async fn a_postgresql_with_tls_that_goes_away_closes_the_checkout_until_it_is_back() {
    let mut stage = Stage::open().await;
    let cart = stage.cart("localhost", "sslmode=verify-full&sslrootcert=DIR/ca.crt").await;
    cart.logged("orders can be written").await;
    stage.postgres.stop().await;
    let shopper = RovingShopper::new();
    is_closed_for_orders(&cart, &shopper).await;
    stage.postgres.serve().await;
    is_open_for_orders(&cart, &shopper).await;
}

/// Behind the store front's own socket is the database, with the store front's certificate.
#[tokio::test]
async fn another_process_gets_no_connection_by_the_store_front() {
    let stage = Stage::open().await;
    let cart = stage.cart("localhost", "sslmode=require").await;
    cart.logged("orders can be written").await;
    let sockets = fs::read_to_string("/proc/net/unix").unwrap();
    let end = format!("/.s.PGSQL.{}", stage.postgres.port());
    let names = sockets.lines().filter_map(|line| line.split_once('@')).map(|(_, name)| name);
    let name = names.filter(|name| name.starts_with("sava-cart-")).find(|name| name.ends_with(&end)).unwrap();
    let mut stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap();
    // What a client begins with: protocol 3.0, and no more.
    let _ = stream.write_all(&[0, 0, 0, 9, 0, 3, 0, 0, 0]);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{answer:?}");
    cart.logged("another process tried to use a connection of the store front").await;
}
