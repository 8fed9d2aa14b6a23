//! A shopper who takes each answer as it comes, and tells the oracle of it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, bail};
use fastrand::Rng;
use futures_util::future::join_all;
use reqwest::{Client, RequestBuilder, StatusCode, redirect};

use crate::oracle::{Oracle, Promise};

/// Longer than any page may take: a shopper who waits for that long has found something.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the stores are now, by address; a restart changes them. Shoppers take one by chance each time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses(Arc<Mutex<Vec<String>>>);

impl Addresses {
    pub(crate) fn of(addresses: impl IntoIterator<Item = String>) -> Self {
        Self(Arc::new(Mutex::new(addresses.into_iter().collect())))
    }

    pub(crate) fn set(&self, addresses: impl IntoIterator<Item = String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = addresses.into_iter().collect();
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn choose(&self, rng: &mut Rng) -> anyhow::Result<String> {
        rng.choice(self.all()).context("all stores are closed")
    }
}

/// A shopper with cookies and a name of their own.
#[derive(Debug)]
pub(crate) struct Shopper {
    name: String,
    client: Client,
    addresses: Addresses,
    oracle: Arc<Oracle>,
    rng: Rng,
    /// The checkout that was sent, and of which nothing is known yet.
    pending: Option<CheckoutForm>,
    /// Numbers of the orders that were acknowledged to them.
    orders: Vec<String>,
    /// Whether store fronts are killed: then an answer may be lost, and is asked for again.
    may_lose_answers: bool,
    /// How many times each form is sent at the same moment.
    at_once: usize,
}

/// The checkout's form as it was shown.
#[derive(Clone, Debug)]
struct CheckoutForm {
    key: String,
    seen: String,
    /// The digits of the total.
    total: String,
}

/// An answer, whole.
struct Response {
    status: StatusCode,
    location: String,
    body: String,
}

impl Shopper {
    pub(crate) fn new(
        number: usize,
        seed: u64,
        addresses: &Addresses,
        oracle: &Arc<Oracle>,
    ) -> anyhow::Result<Self> {
        let client = Client::builder()
            .cookie_store(true)
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .no_proxy()
            .build()?;
        Ok(Self {
            name: format!("Shopper {number}"),
            client,
            addresses: addresses.clone(),
            oracle: Arc::clone(oracle),
            rng: Rng::with_seed(seed ^ number as u64),
            pending: None,
            orders: Vec::new(),
            may_lose_answers: false,
            at_once: 1,
        })
    }

    pub(crate) fn may_lose_answers(mut self) -> Self {
        self.may_lose_answers = true;
        self
    }

    /// An impatient one, who sends each form so many times at the same moment.
    pub(crate) fn sends_at_once(mut self, times: usize) -> Self {
        self.at_once = times;
        self
    }

    /// Shops until `is_over`; a try that fails begins again, or is reported to the oracle where it must not fail.
    pub(crate) async fn shop_until(mut self, is_over: impl Fn() -> bool) -> Self {
        while !is_over() {
            if let Err(error) = self.shop_once().await
                && !self.may_lose_answers
            {
                self.oracle.find(format!("{}: {error:#}", self.name));
            }
        }
        self
    }

    /// Looks at a few pages, buys something, and looks at the order; or sends the form again of which nothing is known.
    pub(crate) async fn shop_once(&mut self) -> anyhow::Result<()> {
        if self.pending.is_some() {
            return self.send_form().await;
        }
        let list = self.browse("/").await?;
        let ids: Vec<&str> = list
            .split("href=\"products/")
            .skip(1)
            .filter_map(|rest| rest.split(['"', '?', '#']).next())
            .collect();
        let id = (*self.rng.choice(&ids).context("a list without products")?).to_owned();
        self.browse(&format!("/products/{id}")).await?;
        let quantity = self.rng.u32(1..4).to_string();
        let added = self
            .send("POST /cart/items", |client, url| {
                client.post(format!("{url}/cart/items")).form(&[("id", &id), ("quantity", &quantity)])
            })
            .await?;
        if added.status.is_server_error() {
            self.oracle.find(format!("POST /cart/items: {}", added.status));
        }
        self.browse("/cart").await?;
        let page = self.send("/checkout", |client, url| client.get(format!("{url}/checkout"))).await?;
        if page.status != StatusCode::OK {
            // Nothing in the cart, as what was added is not sold any more; or a closed checkout.
            self.oracle.count("checkouts not offered");
            return Ok(());
        }
        self.pending = Some(CheckoutForm::of_page(&page.body)?);
        self.send_form().await
    }

    /// Sends the pending form until something is known of it, or nothing can be said now.
    async fn send_form(&mut self) -> anyhow::Result<()> {
        for _ in 0..5 {
            let Some(form) = self.pending.clone() else { return Ok(()) };
            let answer = self.post_at_once(&form).await?;
            match answer.status {
                StatusCode::SEE_OTHER => return self.is_told(&form, &answer.location).await,
                // Shown again: a price is another, or something is gone. It is the page's form that counts then.
                StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
                    self.oracle.count("checkouts shown again");
                    self.pending = CheckoutForm::of_page(&answer.body).ok();
                }
                StatusCode::SERVICE_UNAVAILABLE => {
                    self.oracle.count("checkouts put off");
                    // Its form has the same key.
                    if let Ok(shown) = CheckoutForm::of_page(&answer.body) {
                        self.pending = Some(shown);
                    }
                    tokio::time::sleep(Duration::from_millis(self.rng.u64(50..300))).await;
                    return Ok(());
                }
                status => bail!("POST /checkout: {status}"),
            }
        }
        self.pending = None;
        Ok(())
    }

    /// The order is placed: it is the oracle's from now on, and its page is there.
    async fn is_told(&mut self, form: &CheckoutForm, location: &str) -> anyhow::Result<()> {
        let (_, number) = location.rsplit_once('/').with_context(|| format!("an order at {location}"))?;
        self.pending = None;
        self.orders.push(number.to_owned());
        self.oracle.is_promised(Promise {
            number: number.to_owned(),
            shopper: self.name.clone(),
            form_key: form.key.clone(),
            total: form.total.clone(),
            at: SystemTime::now(),
        });
        if self.rng.u8(..4) == 0 {
            self.sends_again(form, number).await?;
        }
        let page = self.send("/orders", |client, url| client.get(format!("{url}/orders/{number}"))).await?;
        match page.status {
            StatusCode::OK => {
                if !page.body.contains(&format!("Thank you, {}<", self.name)) {
                    self.oracle.find(format!("{} sees an order {number} that is not theirs", self.name));
                }
                if digits(between(&page.body, "<tfoot>", "</tfoot>").unwrap_or_default()) != form.total {
                    self.oracle.find(format!("{number} is shown with another total than its checkout"));
                }
            }
            // The database is away for a moment.
            StatusCode::SERVICE_UNAVAILABLE => self.oracle.count("orders not shown for the moment"),
            status => self.oracle.find(format!("/orders/{number} of {} is {status}", self.name)),
        }
        Ok(())
    }

    /// The form once more, as by the back button or a double click: the same order.
    async fn sends_again(&mut self, form: &CheckoutForm, number: &str) -> anyhow::Result<()> {
        let again = self.post(form).await?;
        match again.status {
            StatusCode::SEE_OTHER if again.location.ends_with(number) => {
                self.oracle.count("forms sent twice");
            }
            // The database is away for a moment.
            StatusCode::SERVICE_UNAVAILABLE => {}
            status => {
                let Response { location, .. } = again;
                self.oracle.find(format!("the form of {number}, sent again, is {status} {location}"));
            }
        }
        Ok(())
    }

    /// Sends the form as often as this shopper does, to any of the stores; what is placed is one order for all of them.
    async fn post_at_once(&mut self, form: &CheckoutForm) -> anyhow::Result<Response> {
        if self.at_once == 1 {
            return self.post(form).await;
        }
        let addresses: Vec<String> =
            (0..self.at_once).map(|_| self.addresses.choose(&mut self.rng)).collect::<Result<_, _>>()?;
        let answers = join_all(addresses.iter().map(|address| self.post_to(address, form))).await;
        let mut answers = answers.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let Some(placed) = answers.iter().position(|answer| answer.status == StatusCode::SEE_OTHER) else {
            return answers.pop().context("a form is sent at least once");
        };
        let placed = answers.swap_remove(placed);
        self.oracle.count("forms sent many times at once");
        for Response { status, location, .. } in &answers {
            match *status {
                StatusCode::SEE_OTHER if *location == placed.location => {
                    self.oracle.count("answers to them that named the same order");
                }
                StatusCode::SERVICE_UNAVAILABLE => self.oracle.count("checkouts put off"),
                status => {
                    let number = &placed.location;
                    self.oracle.find(format!("the form of {number} was also answered {status} {location}"));
                }
            }
        }
        Ok(placed)
    }

    /// Sends the form to any of the stores.
    async fn post(&mut self, form: &CheckoutForm) -> anyhow::Result<Response> {
        let address = self.addresses.choose(&mut self.rng)?;
        self.post_to(&address, form).await
    }

    /// Sends the form with this shopper's address.
    async fn post_to(&self, store: &str, form: &CheckoutForm) -> anyhow::Result<Response> {
        self.oracle.is_sent(&form.key, &self.name);
        let fields = [
            ("name", &*self.name),
            ("email", "shopper@example.ie"),
            ("address", "1 Main Street"),
            ("town", "Dublin"),
            ("postcode", "D02 X285"),
            ("key", &*form.key),
            ("seen", &*form.seen),
        ];
        let request = |client: &Client, url: &str| client.post(format!("{url}/checkout")).form(&fields);
        self.send_to(store, "POST /checkout", request).await
    }

    /// When all is well again: the pending form is settled, and each store lists all orders and no other.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.pending.is_some() {
            if let Err(error) = self.send_form().await
                && Instant::now() > deadline
            {
                return Err(error);
            }
            if Instant::now() > deadline {
                bail!("the checkout of {} is still put off", self.name);
            }
        }
        for store in self.addresses.all() {
            self.compare_list(&store, deadline).await?;
        }
        Ok(())
    }

    /// The list of orders at one store is what this shopper was told.
    async fn compare_list(&self, store: &str, deadline: Instant) -> anyhow::Result<()> {
        let list = loop {
            let page =
                self.send_to(store, "/orders", |client, url| client.get(format!("{url}/orders"))).await?;
            // A connection of the bad time may still be waited for.
            if page.status != StatusCode::SERVICE_UNAVAILABLE || Instant::now() > deadline {
                break page;
            }
            self.oracle.count("orders not shown for the moment");
        };
        if list.status.is_server_error() {
            self.oracle.find(format!("/orders is {}", list.status));
        }
        let shown: Vec<_> = list
            .body
            .split("<h2><a href=\"orders/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        for number in &shown {
            // An order of which they were never told is theirs if they sent its form; the oracle compares that.
            if !self.orders.iter().any(|own| own == number) {
                self.oracle.count("orders placed without a word");
            }
        }
        // The list is of the newest hundred, by a clock that may have been set.
        for number in self.orders.iter().filter(|_| shown.len() < 100) {
            if !shown.contains(&number.as_str()) {
                self.oracle.find(format!("{number} is not in the list of {}", self.name));
            }
        }
        Ok(())
    }

    /// A page that is always there.
    async fn browse(&mut self, path: &str) -> anyhow::Result<String> {
        let answer = self.send(path, |client, url| client.get(format!("{url}{path}"))).await?;
        if answer.status.is_server_error() {
            self.oracle.find(format!("{path} is {}", answer.status));
        }
        Ok(answer.body)
    }

    async fn send(
        &mut self,
        what: &str,
        request: impl FnOnce(&Client, &str) -> RequestBuilder,
    ) -> anyhow::Result<Response> {
        let address = self.addresses.choose(&mut self.rng)?;
        self.send_to(&address, what, request).await
    }

    async fn send_to(
        &self,
        address: &str,
        what: &str,
        request: impl FnOnce(&Client, &str) -> RequestBuilder,
    ) -> anyhow::Result<Response> {
        let began = Instant::now();
        let answered = async {
            let response = request(&self.client, &format!("http://{address}")).send().await?;
            let location = response.headers().get("location").and_then(|it| it.to_str().ok());
            let location = location.unwrap_or_default().to_owned();
            Ok::<_, reqwest::Error>(Response {
                status: response.status(),
                location,
                body: response.text().await?,
            })
        };
        match answered.await {
            Ok(answer) => {
                self.oracle.page_took(what, began.elapsed());
                Ok(answer)
            }
            Err(error) => {
                self.oracle.count("answers lost");
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(error).with_context(|| format!("{what} at {address}"))
            }
        }
    }
}

impl CheckoutForm {
    fn of_page(page: &str) -> anyhow::Result<Self> {
        let field = |name: &str| {
            let value = between(page, &format!("name=\"{name}\" value=\""), "\"");
            value.map(str::to_owned).with_context(|| format!("a checkout without the field {name}: {page}"))
        };
        let total = between(page, "<div class=\"all\">", "</div>").context("a checkout without a total")?;
        Ok(Self { key: field("key")?, seen: field("seen")?, total: digits(total) })
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(between, _)| between)
}

/// The digits of a price with two decimals are its minor units.
fn digits(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').to_owned()
}
