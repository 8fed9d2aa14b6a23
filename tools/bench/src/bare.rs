//! The bare server: what axum costs at the least.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, Response},
};

use crate::client;

/// Answers every request with the answer on standard input, at the address in `LISTEN`.
#[tokio::main]
pub(crate) async fn serve() -> anyhow::Result<()> {
    let client::Response { headers, body } = serde_json::from_reader(std::io::stdin().lock())?;
    let headers: Vec<(HeaderName, HeaderValue)> = headers
        .iter()
        // The server makes these itself.
        .filter(|(name, _)| {
            !["date", "content-length", "transfer-encoding", "connection"].contains(&name.as_str())
        })
        .map(|(name, value)| anyhow::Ok((name.parse()?, value.parse()?)))
        .collect::<Result<_, _>>()?;
    let body = Bytes::from(body);
    let answer = move || {
        let mut response = Response::new(Body::from(body.clone()));
        response.headers_mut().extend(headers.iter().cloned());
        std::future::ready(response)
    };
    let address: SocketAddr = std::env::var("LISTEN")?.parse()?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    let router = Router::new().route("/", axum::routing::get(answer.clone())).fallback(answer);
    Ok(axum::serve(listener, router).await?)
}
