//! Servers that speak TLS alone: a PostgreSQL, as managed ones are, and a product service.

use std::{path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sava_testbed::{Cart, CartBuilder, Postgres, Product, ServerTls, body, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::{orders::key, roving_shopper::RovingShopper, shelf::Shelf};

/// Who signs certificates.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key can be made");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate can be made") }
    }

    /// A certificate for a host or a user of this name, and its key.
    fn sign(&self, name: &str) -> (String, String) {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate can be made");
        (certificate.pem(), key.serialize_pem())
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }
}

/// A server whose certificate is for `name`, and the files that a client needs.
struct Server {
    postgres: Postgres,
    folder: TempDir,
}

impl Server {
    async fn start(name: &str) -> Self {
        let (ours, theirs) = (Authority::new("Ours"), Authority::new("Somebody else's"));
        let (certificate, key) = ours.sign(name);
        let tls = ServerTls { certificate, key, client_ca: ours.pem() };
        let postgres = Postgres::start_with_tls(&tls).await;
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let (client, client_key) = ours.sign("certified");
        for (file, text) in [
            ("root.pem", ours.pem()),
            ("other.pem", theirs.pem()),
            ("client.pem", client),
            ("client.key", client_key),
        ] {
            std::fs::write(folder.path().join(file), text).expect("a file can be written");
        }
        Self { postgres, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A store front with the parameters of the URL.
    fn cart(&self, host: &str, parameters: &str) -> CartBuilder {
        cart(&self.postgres.url(host), parameters)
    }
}

fn cart(url: &str, parameters: &str) -> CartBuilder {
    Cart::start().env("DATABASE_URL", format!("{url}?{parameters}")).env("COOKIE_KEY", key())
}

/// Whether an order can be placed: it is one of those of its shopper then.
async fn takes_an_order(cart: CartBuilder) -> bool {
    let shelf = Shelf::start(&[(3, 25.0)]).await;
    let cart = cart.product(shelf.url()).unready().await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "3", "1").await;
    let form = shopper.checkout(&cart).await;
    let answer = shopper.submit(&cart, &form).await;
    let is_placed = answer.status() == reqwest::StatusCode::SEE_OTHER;
    let page = body(answer).await;
    assert!(is_placed || page.contains("could not"), "{page}");
    is_placed && shopper.orders(&cart).await.contains("Order IE-")
}

#[tokio::test]
async fn orders_are_placed_over_tls() {
    let server = Server::start("localhost").await;
    let root = server.file("root.pem");
    let root = root.display();
    for (host, parameters) in [
        ("localhost", "sslmode=require".to_owned()),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("localhost", String::new()),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={root}")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={root}")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={root}")),
    ] {
        assert!(takes_an_order(server.cart(host, &parameters)).await, "{host}: {parameters}");
    }
    let (certificate, key) = (server.file("client.pem"), server.file("client.key"));
    let by_certificate = format!(
        "sslmode=verify-full&sslrootcert={root}&sslcert={}&sslkey={}",
        certificate.display(),
        key.display()
    );
    let url = format!("postgres://certified@localhost:{}/postgres", server.postgres.port());
    assert!(takes_an_order(cart(&url, &by_certificate)).await, "{by_certificate}");
    assert!(!takes_an_order(cart(&url, "sslmode=require")).await, "no certificate");
    assert!(!takes_an_order(server.cart("localhost", "sslmode=disable")).await, "no TLS");
}

#[tokio::test]
async fn a_server_that_is_not_the_one_is_given_no_order() {
    let server = Server::start("db.example").await;
    let (root, other) = (server.file("root.pem"), server.file("other.pem"));
    for (parameters, why) in [
        (format!("sslmode=verify-full&sslrootcert={}", root.display()), "not valid for name"),
        (format!("sslmode=verify-ca&sslrootcert={}", other.display()), "UnknownIssuer"),
        ("sslmode=verify-full".to_owned(), "UnknownIssuer"),
    ] {
        let cart = server.cart("localhost", &parameters).unready().await;
        let line = cart.logged("orders cannot be written").await;
        assert!(line.contains(why), "{parameters}: {line}");
        assert!(!line.contains("s3cret"), "{line}");
    }
    let chain = format!("sslmode=verify-ca&sslrootcert={}", root.display());
    assert!(takes_an_order(server.cart("localhost", &chain)).await, "its name is not looked at");
}

/// Speaks TLS with a certificate for `name`, and passes on what comes to `server`, an address with a port; the port.
async fn in_front_of(server: &str, certificate: &str, key: &str) -> u16 {
    let certificates = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks them")
        .with_no_client_auth()
        .with_single_cert(certificates.expect("certificates"), key)
        .expect("they belong together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let server = server.to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            tokio::spawn(async move {
                let mut client = acceptor.accept(stream).await?;
                let mut server = TcpStream::connect(server).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    port
}

#[tokio::test]
async fn products_come_by_https_from_the_right_service_alone() {
    let (ours, theirs) = (Authority::new("Ours"), Authority::new("Somebody else's"));
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let [our_file, their_file] = [("ours.pem", &ours), ("theirs.pem", &theirs)].map(|(name, authority)| {
        let file = folder.path().join(name);
        std::fs::write(&file, authority.pem()).expect("a file can be written");
        file
    });
    let product = Product::start().await;
    let (certificate, key) = ours.sign("localhost");
    let port = in_front_of(product.address(), &certificate, &key).await;
    let url = format!("https://localhost:{port}");

    let cart = Cart::start().product(&url).env("PRODUCT_SERVICE_CA", &our_file).await;
    let page = body(cart.get("/").await).await;
    assert!(page.contains("Single-speed fixie") && !page.contains("We cannot reach"), "{page}");
    let picture = cart.get("/images/fixie.svg").await;
    assert_eq!(picture.status(), reqwest::StatusCode::OK, "pictures, too");
    let sample = json(cart.get("/release/sample").await).await;
    assert_eq!(sample["product"]["status"], 200, "and samples: {sample}");

    let by_address = format!("https://127.0.0.1:{port}");
    for (url, file, why) in [
        (&url, Some(&their_file), "UnknownIssuer"),
        (&url, None, "UnknownIssuer"),
        (&by_address, Some(&our_file), "not valid for name"),
    ] {
        let mut start = Cart::start().product(url);
        if let Some(file) = file {
            start = start.env("PRODUCT_SERVICE_CA", file);
        }
        let cart = start.unready().await;
        assert!(body(cart.get("/").await).await.contains("We cannot reach our product service"));
        let line = cart.logged("a server cannot be connected to").await;
        assert!(line.contains(why), "{line}");
    }
}
