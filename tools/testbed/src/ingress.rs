//! An ingress that strips a prefix, as many clusters have one before the store front.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// A proxy on a free port that forwards what is below its prefix, without it, and knows nothing else. It adds the
/// slash that is missing after the prefix, and passes `Host` and all other headers as they came.
#[derive(Debug)]
pub struct Ingress {
    address: SocketAddr,
    prefix: &'static str,
}

#[derive(Clone, Debug)]
struct Route {
    /// Without the slash at its end.
    prefix: &'static str,
    /// Address and port of the application.
    upstream: String,
    client: Client<HttpConnector, Body>,
}

impl Ingress {
    /// Starts one before the application at `upstream` (address and port); `prefix` begins with a slash and does not
    /// end with one.
    pub async fn start(prefix: &'static str, upstream: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let client = Client::builder(TokioExecutor::new()).build_http();
        let route = Route { prefix, upstream: upstream.to_owned(), client };
        let app = Router::new().fallback(forward).with_state(route);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, prefix }
    }

    /// The URL below which the application is, ending in a slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://localhost:{}{}/", self.address.port(), self.prefix)
    }
}

async fn forward(State(route): State<Route>, mut request: Request) -> Response {
    let Some(path) = request.uri().path().strip_prefix(route.prefix) else {
        return (StatusCode::NOT_FOUND, "the ingress knows no such path").into_response();
    };
    if path.is_empty() {
        let slash = format!("{}/", route.prefix);
        return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, slash)]).into_response();
    }
    if !path.starts_with('/') {
        return (StatusCode::NOT_FOUND, "the ingress knows no such path").into_response();
    }
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let uri = format!("http://{}{path}{query}", route.upstream);
    *request.uri_mut() = uri.parse::<Uri>().expect("a part of a URI is one");
    match route.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => (StatusCode::BAD_GATEWAY, format!("no answer: {error}")).into_response(),
    }
}
