//! One sample of a store front: who answered at both hops, how fast, and what was wrong.

use std::time::{Duration, Instant};

use reqwest::{Client, Response, Url, header};
use sava_theme::NOBODY;
use serde::Deserialize;

use crate::{
    journey::USER_AGENT,
    tally::{Failure, Observation},
};

/// A store front that takes longer has not answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes samples at `/release/sample`.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    client: Client,
    url: Url,
}

/// One sample.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// What counts of it; who did not answer is [`NOBODY`].
    pub(super) seen: Observation,
    /// The pod of the store front.
    pub(super) storefront_pod: Option<String>,
    /// The pod of the product service.
    pub(super) product_pod: Option<String>,
    /// Whether anybody answered at all.
    pub(super) is_answered: bool,
    /// The store front's own number of the sample of the product service: whoever asks close to another gets the same.
    pub(super) number: Option<u64>,
}

/// The answer of `/release/sample`, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Answer {
    storefront: Hop,
    product: ProductHop,
}

#[derive(Debug, Deserialize)]
struct Hop {
    release: String,
    instance: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProductHop {
    sample: u64,
    release: Option<String>,
    instance: Option<String>,
    latency_ms: f64,
    error: Option<String>,
}

impl Sampler {
    /// A sampler of the store front at `home`.
    ///
    /// # Errors
    /// When the system's resolver cannot be set up.
    pub(super) fn new(home: &Url) -> anyhow::Result<Self> {
        let client = Client::builder().user_agent(USER_AGENT).timeout(PATIENCE).build()?;
        Ok(Self { client, url: home.join("release/sample")? })
    }

    /// Takes a sample.
    pub(super) async fn take(&self) -> Sample {
        let start = Instant::now();
        let answer = async {
            let request = self.client.get(self.url.clone()).header(header::ACCEPT, "application/json");
            let response = request.send().await.map_err(|error| (reason(&error), None))?;
            let who = who(&response);
            if !response.status().is_success() {
                return Err((format!("status {}", response.status().as_u16()), who));
            }
            response.json::<Answer>().await.map_err(|error| (reason(&error), who))
        };
        let answer = answer.await;
        Sample::of(answer, start.elapsed())
    }
}

/// The store front and its pod, by the headers of its answer.
fn who(response: &Response) -> Option<Hop> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    Some(Hop { release: header("x-sava-release")?, instance: header("x-sava-instance").unwrap_or_default() })
}

fn reason(error: &reqwest::Error) -> String {
    let text = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_decode() {
        "the answer is no sample"
    } else {
        "the answer broke off"
    };
    text.to_owned()
}

/// The beginning of a text on one line: what others say is not to move somebody's cursor.
fn printable(text: &str) -> String {
    text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Sample {
    fn of(answer: Result<Answer, (String, Option<Hop>)>, latency: Duration) -> Self {
        let named = |text: String| Some(printable(&text)).filter(|text| !text.is_empty());
        match answer {
            Ok(Answer { storefront, product }) => Self {
                seen: Observation {
                    storefront: Some(printable(&storefront.release)),
                    product: Some(
                        product.release.map_or_else(|| NOBODY.to_owned(), |release| printable(&release)),
                    ),
                    latency,
                    product_latency: Some(
                        Duration::try_from_secs_f64(product.latency_ms / 1_000.0).unwrap_or_default(),
                    ),
                    fault: product.error.map(|error| Failure::Product(printable(&error))),
                },
                storefront_pod: named(storefront.instance),
                product_pod: product.instance.and_then(named),
                is_answered: true,
                number: Some(product.sample),
            },
            Err((reason, who)) => {
                let is_answered = who.is_some();
                let (release, pod) =
                    who.map_or((NOBODY.to_owned(), None), |who| (who.release, named(who.instance)));
                Self {
                    seen: Observation {
                        storefront: Some(release),
                        product: None,
                        latency,
                        product_latency: None,
                        fault: Some(Failure::Storefront(reason)),
                    },
                    storefront_pod: pod,
                    product_pod: None,
                    is_answered,
                    number: None,
                }
            }
        }
    }
}
