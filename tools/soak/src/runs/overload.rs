//! Ten times as many clients as a store front is made for, within the limits of memory that the manifests give.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use reqwest::StatusCode;
use sava_testbed::{Cart, Product, client, memory};
use tokio::time::sleep;

use super::Effort;
use crate::oracle::Oracle;

/// What the manifests allow each service.
const LIMIT: u64 = 128 << 20;
/// Requests that a service takes on at once, and clients: ten times as many.
const MAX_IN_FLIGHT: &str = "40";
const CLIENTS: usize = 400;

/// They ask as fast as they are answered: each answer is a page, or an honest 503.
pub(super) async fn run(effort: Effort, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let product = Product::start().env("MAX_IN_FLIGHT", MAX_IN_FLIGHT).await;
    let cart = Cart::start().product(&product.url("")).env("MAX_IN_FLIGHT", MAX_IN_FLIGHT).await;
    let limits = [memory::MemoryLimit::new(LIMIT), memory::MemoryLimit::new(LIMIT)];
    limits[0].hold(product.process().id());
    limits[1].hold(cart.process().id());
    let is_over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (oracle, is_over) = (Arc::clone(oracle), Arc::clone(&is_over));
            let url = match number % 4 {
                0 => product.url("/products/ie?q=a"),
                1 => product.url("/products/uk"),
                2 => cart.url("/"),
                _ => cart.url("/?q=tea"),
            };
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    ask(&url, &oracle).await;
                }
            })
        })
        .collect();
    let probes = [product.admin_url("/livez").await, cart.admin_url("/livez").await];
    for _ in 0..effort.choose(8, 240) {
        sleep(Duration::from_millis(500)).await;
        for probe in &probes {
            // A kubelet gives a probe a second; a machine with two cores has all these clients to run as well.
            let answer = client().get(probe).timeout(Duration::from_secs(5)).send().await;
            match answer {
                Ok(answer) if answer.status() == StatusCode::OK => oracle.count("probes answered"),
                answer => oracle.find(format!("the probe {probe}: {:?}", answer.map(|it| it.status()))),
            }
        }
    }
    is_over.store(true, Ordering::Relaxed);
    join_all(clients).await;
    for (figure, process) in
        [("kB at most in sava-product", product.process()), ("kB at most in sava-cart", cart.process())]
    {
        let peak = memory::peak(process.id());
        oracle.peak(figure, peak >> 10);
        if peak > LIMIT {
            oracle.find(format!("{peak} bytes: more {figure} than its limit"));
        }
    }
    for page in [product.get("/products/ie").await, cart.get("/").await] {
        if page.status() != StatusCode::OK {
            oracle.find(format!("afterwards {} is {}", page.url(), page.status()));
        }
    }
    Ok(())
}

async fn ask(url: &str, oracle: &Oracle) {
    match client().get(url).timeout(Duration::from_secs(30)).send().await {
        Ok(answer) => match answer.status() {
            StatusCode::OK => oracle.count("requests served under overload"),
            StatusCode::SERVICE_UNAVAILABLE => {
                if !answer.headers().contains_key("retry-after") {
                    oracle.find("a 503 without Retry-After");
                }
                oracle.count("requests turned away");
            }
            status => oracle.find(format!("{url} is {status}")),
        },
        // The cap on connections: they are not taken while there are too many.
        Err(_) => oracle.count("connections turned away"),
    }
}
