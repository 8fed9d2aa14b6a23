//! Samples of the product service for the release view: who answers now, how fast, with what error.
//!
//! Each sample has a connection of its own, so that it shows how traffic is balanced. Pages that are open at the same
//! time share the samples, so that the load does not grow with the audience.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use futures_util::future::join_all;
use sava_service::server::{X_SAVA_INSTANCE, X_SAVA_RELEASE};
use serde::Serialize;

use super::{
    endpoint::{DEADLINE, Endpoint},
    single_flight::SingleFlight,
    statement::{stated, stated_version},
};
use crate::release::{ApiVersion, Release};

/// Who asks within this time of another is given the same sample: at 50 a second one page has its own.
const SHARED_FOR: Duration = Duration::from_millis(12);
/// The same for a whole table of samples.
const TABLE_SHARED_FOR: Duration = Duration::from_secs(1);
/// Samples in a table.
pub(crate) const TABLE_SIZE: usize = 12;
/// The most that is read of an answer; its latency counts, not its content.
const MAX_BYTES: usize = 8 << 20;

/// What one request to the product service met.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sample {
    /// The number of the sample, which this process gives once: a page that gets the same twice counts it once.
    #[serde(rename = "sample")]
    pub number: u64,
    /// The release that answered, by its own words; none where nobody answered or it did not say.
    pub release: Option<String>,
    /// The instance (pod) that answered.
    pub instance: Option<String>,
    /// The API version of the answer.
    pub api_version: Option<&'static str>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// From the request to the last byte of the answer, connecting included; in milliseconds.
    pub latency_ms: f64,
    /// The entity tag of the catalog.
    pub etag: Option<String>,
    /// What was wrong, in a few words.
    pub error: Option<String>,
}

/// Takes samples. A handle, cheap to clone.
#[derive(Clone)]
pub(crate) struct Sampler {
    shared: Arc<Inner>,
}

struct Inner {
    endpoint: Endpoint,
    client: reqwest::Client,
    /// The path of the list, whole or in part, as pages ask for it at that moment.
    path: Box<dyn Fn() -> String + Send + Sync>,
    accept: HeaderValue,
    count: AtomicU64,
    one: SingleFlight<Arc<Sample>>,
    table: SingleFlight<Arc<[Sample]>>,
}

impl Sampler {
    /// A sampler of the list, which asks for it as pages of `release` do: at the `path` of that moment, below the product
    /// service's base.
    ///
    /// # Panics
    /// Never: a client without TLS has nothing that can fail, and the release's `Accept` header is plain ASCII.
    #[must_use]
    pub(crate) fn new(
        release: &Release,
        endpoint: &Endpoint,
        path: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        let client = endpoint
            .client()
            .timeout(DEADLINE)
            .pool_max_idle_per_host(0)
            .user_agent("sava-cart release view")
            .build()
            .expect("a client without TLS");
        let accept = HeaderValue::from_str(&release.accept()).expect("plain ASCII");
        let parts = Inner {
            endpoint: endpoint.clone(),
            client,
            path: Box::new(path),
            accept,
            count: AtomicU64::new(first_number()),
            one: SingleFlight::within(SHARED_FOR),
            table: SingleFlight::within(TABLE_SHARED_FOR),
        };
        Self { shared: Arc::new(parts) }
    }

    /// A sample, taken now or shared with those who asked just before.
    pub(crate) async fn sample(&self) -> Arc<Sample> {
        let parts = Arc::clone(&self.shared);
        self.shared.one.join(|| async move { Arc::new(parts.take().await) }).await
    }

    /// [`TABLE_SIZE`] samples, taken at the same time.
    pub(crate) async fn table(&self) -> Arc<[Sample]> {
        let parts = Arc::clone(&self.shared);
        let samples = async move { join_all((0..TABLE_SIZE).map(|_| parts.take())).await.into() };
        self.shared.table.join(|| samples).await
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sampler").field("path", &(self.shared.path)()).finish_non_exhaustive()
    }
}

impl Inner {
    async fn take(&self) -> Sample {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let start = Instant::now();
        let answer = async {
            // Where it cannot be resolved, connecting says so.
            drop(tokio::time::timeout(DEADLINE, self.endpoint.prepare()).await);
            let url = self.endpoint.url(&(self.path)()).expect("plain segments and a query");
            let request = self.client.get(url).header(header::ACCEPT, &self.accept);
            let mut response = request.header(header::CONNECTION, "close").send().await?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            let mut n_bytes = 0;
            let mut broke_off = None;
            while n_bytes <= MAX_BYTES && broke_off.is_none() {
                match response.chunk().await {
                    Ok(Some(chunk)) => n_bytes += chunk.len(),
                    Ok(None) => break,
                    Err(error) => broke_off = Some(in_a_few_words(&error)),
                }
            }
            Ok::<_, reqwest::Error>((status, headers, broke_off))
        };
        let answer = answer.await;
        let latency_ms = (start.elapsed().as_secs_f64() * 100_000.0).round() / 100.0;
        match answer {
            Ok((status, headers, broke_off)) => {
                Sample::of_answer(number, status, &headers, broke_off, latency_ms)
            }
            Err(error) => Sample {
                number,
                release: None,
                instance: None,
                api_version: None,
                status: None,
                latency_ms,
                etag: None,
                error: Some(in_a_few_words(&error).to_owned()),
            },
        }
    }
}

impl Sample {
    fn of_answer(
        number: u64,
        status: StatusCode,
        headers: &HeaderMap,
        broke_off: Option<&str>,
        latency_ms: f64,
    ) -> Self {
        let error = match broke_off {
            Some(what) => Some(what.to_owned()),
            None if status == StatusCode::OK => None,
            None => Some(format!("status {}", status.as_u16())),
        };
        Self {
            number,
            release: stated(headers, &X_SAVA_RELEASE),
            instance: stated(headers, &X_SAVA_INSTANCE),
            api_version: stated_version(headers).map(ApiVersion::as_str),
            status: Some(status.as_u16()),
            latency_ms,
            etag: stated(headers, &header::ETAG),
            error,
        }
    }
}

/// The count begins with the time, in milliseconds since 1970: so a process that is restarted under the same name
/// does not begin again with numbers that a page has seen.
fn first_number() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or_default()
}

fn in_a_few_words(error: &reqwest::Error) -> &'static str {
    if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "no answer in time"
    } else {
        "the answer broke off"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_says_what_the_answer_says() {
        let mut headers = HeaderMap::new();
        headers.insert("x-sava-release", HeaderValue::from_static("2.0.1"));
        headers.insert("x-sava-instance", HeaderValue::from_static("a pod with spaces"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.sava.v2+json"));
        let sample = Sample::of_answer(1, StatusCode::OK, &headers, None, 3.0);
        assert_eq!((sample.release.as_deref(), sample.api_version), (Some("2.0.1"), Some("v2")));
        assert_eq!((sample.instance, sample.error), (None, None));
        let failed = Sample::of_answer(2, StatusCode::INTERNAL_SERVER_ERROR, &headers, None, 3.0);
        assert_eq!(failed.error.as_deref(), Some("status 500"));
    }
}
