//! The client of the tests.

use std::{sync::LazyLock, time::Duration};

use reqwest::{Client, RequestBuilder, Response, redirect};
use serde_json::Value;

/// A client that shows answers as they are: it follows no redirect, keeps no cookie, and uses no connection twice, so
/// that each test's runtime may use it.
#[must_use]
pub fn client() -> Client {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| {
        Client::builder()
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()
            .expect("a client without TLS can be built")
    });
    CLIENT.clone()
}

/// The answer to a request.
pub async fn answer(request: RequestBuilder) -> Response {
    match request.send().await {
        Ok(answer) => answer,
        Err(error) => panic!("no answer: {error:?}"),
    }
}

/// The body of an answer as text.
pub async fn body(answer: Response) -> String {
    answer.text().await.expect("the whole body arrives")
}

/// The body of an answer as JSON.
pub async fn json(answer: Response) -> Value {
    let body = body(answer).await;
    match serde_json::from_str(&body) {
        Ok(value) => value,
        Err(error) => panic!("not JSON ({error}): {body}"),
    }
}
