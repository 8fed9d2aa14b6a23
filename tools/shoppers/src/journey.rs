//! A pretend shopper: goes through the shop as a browser without JavaScript does, by links and forms alone.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use fastrand::Rng;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode, Url,
    header::{HeaderMap, LOCATION, RETRY_AFTER},
};

use crate::{
    mix::Errand,
    pace::Pace,
    page::{Page, PageForm},
    tally::{Failure, Observation, Tally},
};

/// How the shopper introduces itself.
pub(crate) const USER_AGENT: &str = "sava-shoppers/3 (pretend shopper of sava; sava-shoppers --help)";

/// An answer that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest that `Retry-After` is honoured.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// Redirects that are followed one after another.
const MOST_REDIRECTS: usize = 4;

const WORDS: [&str; 6] = ["lamp", "vinyl", "coffee", "bicycle", "organic", "wool"];

/// What all shoppers of a run share.
#[derive(Debug)]
pub(crate) struct Run {
    /// When the next request may be sent.
    pub(crate) pace: Pace,
    /// What was seen. Locked only to count: never over an await.
    pub(crate) tally: Mutex<Tally>,
}

/// One shopper: a browser profile of its own, with cookies and connections that nobody else has.
pub(crate) struct Shopper<'a> {
    client: Client,
    run: &'a Run,
    rng: Rng,
}

/// A page that was asked for and came.
struct Seen {
    url: Url,
    status: StatusCode,
    page: Page,
}

impl<'a> Shopper<'a> {
    /// A new shopper.
    ///
    /// # Errors
    /// When the system's resolver cannot be set up.
    pub(crate) fn new(run: &'a Run, rng: Rng) -> anyhow::Result<Self> {
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .context("an HTTP client cannot be made")?;
        Ok(Self { client, run, rng })
    }

    /// Runs an errand in the shop at `home`. A shop that fails cuts the errand short; the tally says why.
    pub(crate) async fn run(&mut self, errand: Errand, home: &Url) {
        // None means that a page did not come, which is counted already.
        let _ended_early = match errand {
            Errand::Browse => self.browse(home).await,
            Errand::Search => self.search(home).await,
            Errand::Fill => self.fill(home).await.map(drop),
            Errand::Buy => self.buy(home).await,
        };
    }

    async fn browse(&mut self, home: &Url) -> Option<()> {
        let list = self.get(home.clone()).await?;
        let product = self.any(&list.page.products())?;
        self.get(list.url.join(product).ok()?).await?;
        Some(())
    }

    /// In a release that cannot search, looking through the list has to do.
    async fn search(&mut self, home: &Url) -> Option<()> {
        let list = self.get(home.clone()).await?;
        let Some(form) = list.page.search_form() else { return Some(()) };
        let word = self.any(&WORDS)?;
        let is_search = |name: &str| form.fields.iter().any(|f| f.kind == "search" && f.name == name);
        let answers = answers(form, |name| is_search(name).then(|| word.to_owned()));
        self.send(form, &list.url, &answers).await?;
        Some(())
    }

    async fn fill(&mut self, home: &Url) -> Option<Seen> {
        let list = self.get(home.clone()).await?;
        let form = self.any(&list.page.add_forms())?.clone();
        self.send(&form, &list.url, &answers(&form, |_| None)).await
    }

    async fn buy(&mut self, home: &Url) -> Option<()> {
        let mut cart = self.fill(home).await?;
        // Who adds from the list stays there.
        if cart.page.cart_form().is_none()
            && let Some(link) = cart.page.link_to("cart")
        {
            cart = self.get(cart.url.join(link).ok()?).await?;
        }
        // A button of the cart's form, or a link, as in stores before that.
        let mut at = if let Some(link) = cart.page.link_to("checkout") {
            self.get(cart.url.join(link).ok()?).await?
        } else {
            let form = cart.page.cart_form()?.clone();
            self.send(&form, &cart.url, &[("checkout".to_owned(), "1".to_owned())]).await?
        };
        // A price that changed is shown and asked for again: a shopper agrees, once.
        for _ in 0..2 {
            let form = at.page.checkout_form()?.clone();
            let is_irish = at.page.text.contains("Eircode");
            let answers = answers(&form, |name| {
                let field = form.fields.iter().find(|field| field.name == name)?;
                address(&field.autocomplete, is_irish).filter(|_| field.required).map(str::to_owned)
            });
            at = self.send(&form, &at.url, &answers).await?;
            if at.status != StatusCode::CONFLICT {
                break;
            }
        }
        Some(())
    }

    fn any<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        self.rng.choice(choices).copied()
    }

    async fn get(&mut self, url: Url) -> Option<Seen> {
        let request = self.client.get(url.clone());
        self.follow(request, url).await
    }

    async fn send(&mut self, form: &PageForm, at: &Url, answers: &[(String, String)]) -> Option<Seen> {
        let mut url = at.join(&form.action).ok()?;
        let request = if form.is_post {
            self.client.post(url.clone()).form(answers)
        } else {
            url.query_pairs_mut().clear().extend_pairs(answers);
            self.client.get(url.clone())
        };
        self.follow(request, url).await
    }

    /// Sends a request and, as browsers do, the ones that its answer redirects to.
    async fn follow(&mut self, request: RequestBuilder, mut url: Url) -> Option<Seen> {
        let mut request = request;
        for _ in 0..=MOST_REDIRECTS {
            let (status, headers, page) = self.ask(request).await?;
            let target = headers.get(LOCATION).and_then(|v| v.to_str().ok()).and_then(|v| url.join(v).ok());
            match target {
                Some(target) if status.is_redirection() => {
                    request = self.client.request(Method::GET, target.clone());
                    url = target;
                }
                _ => return Some(Seen { url, status, page }),
            }
        }
        None
    }

    /// One request, counted; none where no page came of it.
    async fn ask(&mut self, request: RequestBuilder) -> Option<(StatusCode, HeaderMap, Page)> {
        self.run.pace.turn().await;
        let start = Instant::now();
        let answer = async {
            let response: Response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, response.text().await?))
        };
        let answer = answer.await;
        let latency = start.elapsed();
        let mut rest = None;
        let (visit, seen) = match answer {
            Ok((status, headers, text)) => {
                rest = retry_after(status, &headers);
                let fault = fault(status, &headers);
                let usable = !matches!(fault, Some(Failure::Storefront(_)));
                let visit = Observation {
                    storefront: header(&headers, "x-sava-release"),
                    product: product_release(&headers),
                    latency,
                    product_latency: None,
                    fault,
                };
                (visit, usable.then(|| (status, headers, Page::read(&text))))
            }
            Err(error) => {
                let what = if error.is_timeout() {
                    "no answer in time"
                } else if error.is_connect() {
                    "no connection"
                } else {
                    "the answer broke off"
                };
                let fault = Some(Failure::Storefront(what.to_owned()));
                (Observation { storefront: None, product: None, latency, product_latency: None, fault }, None)
            }
        };
        self.run.tally.lock().unwrap_or_else(PoisonError::into_inner).count(&visit, &mut self.rng);
        // It keeps its place in the shop meanwhile, so a shop that asks everybody to wait is left alone by all.
        if let Some(rest) = rest {
            tokio::time::sleep(rest).await;
        }
        seen
    }
}

/// What the form is sent with: its values, but where the shopper has an answer.
fn answers(form: &PageForm, mut answer: impl FnMut(&str) -> Option<String>) -> Vec<(String, String)> {
    let fill = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    form.fields
        .iter()
        .map(|field| match answer(&field.name) {
            Some(value) => fill(&field.name, &value),
            None => fill(&field.name, &field.value),
        })
        .collect()
}

/// The pretend shopper's address, by what browsers fill in (HTML Living Standard, §4.10.18.7).
fn address(autocomplete: &str, is_irish: bool) -> Option<&'static str> {
    Some(match autocomplete.rsplit(' ').next()? {
        "name" => "Pretend Shopper",
        "email" => "shopper@example.com",
        "street-address" | "address-line1" => "1 Main Street",
        "address-level2" => "Ballydehob",
        "postal-code" if is_irish => "D02 AF30",
        "postal-code" => "SW1A 1AA",
        _ => return None,
    })
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The product release behind the page: the one that failed, where one did and said who it is.
fn product_release(headers: &HeaderMap) -> Option<String> {
    match header(headers, "x-sava-product-fault") {
        Some(fault) => {
            fault.split(';').find_map(|part| part.trim().strip_prefix("release=")).map(str::to_owned)
        }
        None => header(headers, "x-sava-product-release"),
    }
}

/// What was wrong, and whose fault it is: a checkout that cannot confirm its prices (503) is the product service's.
fn fault(status: StatusCode, headers: &HeaderMap) -> Option<Failure> {
    if let Some(fault) = header(headers, "x-sava-product-fault") {
        let what = fault.split(';').next().unwrap_or_default().trim();
        return Some(Failure::Product(format!("product service: {what}")));
    }
    // A conflict (the price changed) is the shop at its best; other 4xx to a shopper that sent what the page
    // asked for are not.
    let failed = status.is_server_error() || (status.is_client_error() && status != StatusCode::CONFLICT);
    failed.then(|| Failure::Storefront(format!("status {}", status.as_u16())))
}

/// How long the answer asks to be left alone (RFC 9110 §10.2.3, in seconds).
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let asks = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
    let seconds = headers.get(RETRY_AFTER).filter(|_| asks)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_REST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn fault_names_the_product_release_that_failed() {
        let failed = headers(&[
            ("x-sava-product-release", "1.0.3"),
            ("x-sava-product-fault", "status 500; release=2.0.2-errors"),
        ]);
        assert_eq!(product_release(&failed).as_deref(), Some("2.0.2-errors"));
        let expected = Failure::Product("product service: status 500".to_owned());
        assert_eq!(fault(StatusCode::OK, &failed), Some(expected));
        assert_eq!(fault(StatusCode::OK, &headers(&[("x-sava-product-release", "1.0.3")])), None);
    }

    #[test]
    fn retry_after_is_honoured_within_reason() {
        let asks = |value| retry_after(StatusCode::SERVICE_UNAVAILABLE, &headers(&[("retry-after", value)]));
        assert_eq!(asks("2"), Some(Duration::from_secs(2)));
        assert_eq!(asks("86400"), Some(LONGEST_REST));
        assert_eq!(asks("Fri, 31 Dec 1999 23:59:59 GMT"), None);
        assert_eq!(retry_after(StatusCode::OK, &headers(&[("retry-after", "2")])), None);
    }

    #[test]
    fn hidden_values_go_back_as_they_came() {
        let page = Page::read(
            "<form method=post><input type=hidden name=key value=K1><input name=name autocomplete=name></form>",
        );
        let answers = answers(&page.forms[0], |name| (name == "name").then(|| "P".to_owned()));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(answers, [pair("key", "K1"), pair("name", "P")]);
    }
}
