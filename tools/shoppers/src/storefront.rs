//! A store front that is shopped in or watched: its URL, and whether it is one.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use reqwest::{Response, StatusCode, Url, header};

use crate::journey::USER_AGENT;

/// A store front's URL; a path without a slash at its end gets one, as links are resolved against it.
pub(crate) fn url(text: &str) -> Result<Url, String> {
    let mut url =
        Url::parse(text).map_err(|error| format!("takes URLs such as http://localhost:3000/ ({error})"))?;
    if !matches!(url.scheme(), "http") || !url.has_host() {
        return Err("takes http URLs such as http://localhost:3000/".to_owned());
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// How often a store front is asked that is not there yet.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Waits for the store front, and makes sure that it is one, so that a mistyped URL is an error and not a verdict.
pub(crate) async fn reach(url: &Url, wait: Duration) -> anyhow::Result<()> {
    let client = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .timeout(Duration::from_secs(10))
        .build()
        .context("an HTTP client cannot be made")?;
    let patience =
        if wait.is_zero() { String::new() } else { format!(", up to {}", humantime::format_duration(wait)) };
    eprintln!("Looking for the store front at {url}{patience}…");
    let start = Instant::now();
    loop {
        let reason = match client.get(url.clone()).send().await {
            Ok(response) if is_on_its_way(&response) => {
                anyhow!("{url} is not there: whatever stands before it answers {}", response.status())
            }
            Ok(response) => return check(url, &response),
            Err(error) => anyhow!(error).context(format!("{url} cannot be reached")),
        };
        if start.elapsed() + ASK_AGAIN > wait {
            return Err(reason);
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Whether a proxy says that nobody is behind it, yet.
fn is_on_its_way(response: &Response) -> bool {
    let gateway = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
    gateway.contains(&response.status()) && !response.headers().contains_key("x-sava-release")
}

/// A store front says its release, and shows pages; sava-product has no pages for whoever asks for nothing special.
fn check(url: &Url, response: &Response) -> anyhow::Result<()> {
    let status = response.status();
    if !response.headers().contains_key("x-sava-release") {
        bail!("{url} is not a store front of sava: its answer ({status}) has no X-Sava-Release");
    }
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_page = content_type.is_some_and(|it| it.as_bytes().starts_with(b"text/html"));
    if status.is_success() && !is_page {
        bail!(
            "{url} is not a store front of sava: its answer is not a page; is it the product service's URL?"
        );
    }
    if status.is_client_error() {
        bail!("{url} is not the front page of a store: it answers {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_keeps_its_prefix_and_gets_its_slash() {
        let prefixed =
            url("http://localhost:8001/api/v1/namespaces/n/services/sava-cart-ie:80/proxy").unwrap();
        assert!(prefixed.as_str().ends_with("/proxy/"));
        assert!(url("localhost:3000").is_err());
    }
}
