use std::time::Duration;

use reqwest::StatusCode;
use sava_testbed::{Cart, Product};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

/// Kubernetes' Service, as kube-proxy makes it: each connection goes to a pod, at random, and stays there.
async fn service(pods: [String; 2]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let pod = pods[fastrand::usize(..2)].clone();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(pod).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    format!("http://{address}")
}

/// Also where sava-product never closes a connection: 100 page views over 20 s reach each of two pods 30 to 70 times.
#[tokio::test]
async fn two_pods_of_sava_product_share_the_page_views() {
    let start = |release: &str| Product::start().release(release).env("MAX_CONNECTION_AGE", "1h");
    let (first, second) = (start("2.0.1").await, start("3.0.0").await);
    let service = service([first.address().to_owned(), second.address().to_owned()]).await;
    let cart = Cart::start().product(&service).await;
    let mut n_first = 0;
    let mut interval = tokio::time::interval(Duration::from_millis(200));
    for _ in 0..100 {
        interval.tick().await;
        let page = cart.get("/").await;
        assert_eq!(page.status(), StatusCode::OK);
        n_first += u32::from(page.headers()["x-sava-product-release"] == "2.0.1");
    }
    assert!((30..=70).contains(&n_first), "{n_first} of 100");
}
