//! A product service behind TLS.

use std::sync::Arc;

use sava_testbed::{Cart, Product, body, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::authority::{Authority, Certificate};

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
    let Certificate { pem, key } = ours.sign("localhost", &["localhost"]);
    let port = in_front_of(product.address(), &pem, &key).await;
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
        let line = cart.logged("the product service cannot be connected to by https").await;
        assert!(line.contains(why), "{line}");
    }
}
