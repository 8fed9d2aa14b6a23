//! A Service of Kubernetes in small: each new connection goes to a back end by chance, by weight.
//!
//! Connections are balanced and not requests, as kube-proxy does it, so that what a test or a scene shows with this
//! balancer is what a cluster would show.

use std::sync::{Arc, Mutex, PoisonError};

use rand::{
    SeedableRng as _,
    distr::{Distribution as _, weighted::WeightedIndex},
    rngs::StdRng,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A balancer on a free port; dropping it closes it.
#[derive(Debug)]
pub struct Balancer {
    address: String,
    split: Arc<Mutex<Split>>,
    task: JoinHandle<()>,
}

/// Where new connections go.
#[derive(Debug)]
struct Split {
    backends: Vec<String>,
    /// None where nobody is to get any.
    weights: Option<WeightedIndex<u32>>,
    rng: StdRng,
}

impl Balancer {
    /// A balancer without back ends: it closes what comes.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address").to_string();
        let split = Split { backends: Vec::new(), weights: None, rng: StdRng::seed_from_u64(7) };
        let split = Arc::new(Mutex::new(split));
        let task = tokio::spawn(serve(listener, Arc::clone(&split)));
        Self { address, split, task }
    }

    /// From now on new connections go to these addresses by these weights.
    pub fn split(&self, backends: &[(&str, u32)]) {
        let mut split = self.split.lock().unwrap_or_else(PoisonError::into_inner);
        split.backends = backends.iter().map(|(address, _)| (*address).to_owned()).collect();
        split.weights = WeightedIndex::new(backends.iter().map(|(_, weight)| *weight)).ok();
    }

    /// Where it listens: address and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of `path`, which begins with a slash or is empty.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, split: Arc<Mutex<Split>>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let backend = {
            let mut split = split.lock().unwrap_or_else(PoisonError::into_inner);
            let Split { backends, weights, rng } = &mut *split;
            weights.as_ref().map(|weights| backends[weights.sample(rng)].clone())
        };
        tokio::spawn(async move {
            // A client or a back end that goes away is its own affair.
            if let Some(backend) = backend
                && let Ok(mut server) = TcpStream::connect(backend).await
            {
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
