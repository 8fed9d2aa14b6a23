//! A shopper: finds things by what stands on the page, as people do.

use std::time::Duration;

use crate::{PATIENCE, browser::Browser};
use thirtyfour::{By, WebDriver, WebElement};

/// A shopper before a browser, in one store.
#[derive(Debug)]
pub struct BrowserShopper<'a> {
    driver: &'a WebDriver,
    /// Where the store is; everything that the shopper sees must be below it.
    store: String,
}

impl<'a> BrowserShopper<'a> {
    /// Enters the store at `url`, which ends in a slash.
    pub async fn enters(browser: &'a Browser, url: &str) -> Self {
        let shopper = Self { driver: browser.driver(), store: url.to_owned() };
        shopper.driver.goto(url).await.expect("the store is open");
        shopper.looks().await;
        shopper
    }

    /// The heading of the page.
    pub async fn heading(&self) -> String {
        self.text("//h1").await
    }

    /// The text of the element at `xpath`, blanks as they are shown.
    pub async fn text(&self, xpath: &str) -> String {
        self.element(xpath).await.text().await.expect("an element has a text")
    }

    /// Whether there is an element at `xpath`.
    pub async fn sees(&self, xpath: &str) -> bool {
        !self.driver.find_all(By::XPath(xpath)).await.expect("a page can be searched").is_empty()
    }

    /// Follows the link in the header.
    pub async fn goes_to(&self, page: &str) {
        self.clicks(&format!("//header//nav//a[starts-with(normalize-space(), '{page}')]")).await;
    }

    /// Follows a link by its text.
    pub async fn follows(&self, link: &str) {
        self.clicks(&format!("//a[normalize-space()={}]", quoted(link))).await;
    }

    /// Presses a button by its name.
    pub async fn presses(&self, button: &str) {
        self.clicks(&format!("//button[normalize-space()={}]", quoted(button))).await;
    }

    /// Presses a button within the list item that is headed by `title`.
    pub async fn presses_at(&self, title: &str, button: &str) {
        let item = item(title);
        self.clicks(&format!("{item}//button[contains(normalize-space(), {})]", quoted(button))).await;
    }

    /// Types into the field of this label, in the place of what stands there.
    pub async fn fills_in(&self, label: &str, text: &str) {
        self.types(&format!("//*[@id=//label[starts-with(normalize-space(), '{label}')]/@for]"), text).await;
    }

    /// Fills in the form of the checkout, as somebody in Dublin; the postcode's label and form are the country's.
    pub async fn fills_in_the_address(&self, code_label: &str, code: &str) {
        for (label, text) in [
            ("Name", "Aoife Byrne"),
            ("E-mail", "aoife@example.ie"),
            ("Address", "1 Main Street"),
            ("Town", "Dublin"),
            (code_label, code),
        ] {
            self.fills_in(label, text).await;
        }
    }

    /// Types into the field whose name begins so within the list item that is headed by `title`.
    pub async fn fills_in_at(&self, title: &str, name: &str, text: &str) {
        self.types(&format!("{}//input[starts-with(@name, '{name}')]", item(title)), text).await;
    }

    /// The texts of all elements at `xpath`.
    pub async fn texts(&self, xpath: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.driver.find_all(By::XPath(xpath)).await.expect("a page can be searched") {
            texts.push(element.text().await.expect("an element has a text"));
        }
        texts
    }

    async fn types(&self, xpath: &str, text: &str) {
        let field = self.element(xpath).await;
        field.clear().await.expect("a field can be cleared");
        field.send_keys(text).await.expect("a field can be typed into");
    }

    async fn clicks(&self, xpath: &str) {
        let page = self.element("/html").await;
        let element = self.element(xpath).await;
        element.scroll_into_view().await.expect("an element can be scrolled to");
        element.click().await.expect("an element can be clicked");
        // Each click leads to another page, be it the same again; a click returns before the browser is there.
        let left = async {
            while page.tag_name().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, left).await.is_ok(), "{xpath} leads nowhere");
        self.looks().await;
    }

    /// Whatever page this is, it is the store's, and has one heading.
    async fn looks(&self) {
        let url = self.driver.current_url().await.expect("a page has a URL");
        assert!(url.as_str().starts_with(&self.store), "{url} is not below {}", self.store);
        let headings = self.driver.find_all(By::Css("h1")).await.expect("a page can be searched");
        assert_eq!(headings.len(), 1, "headings on {url}: {}", self.source().await);
    }

    async fn element(&self, xpath: &str) -> WebElement {
        match self.driver.find(By::XPath(xpath)).await {
            Ok(element) => element,
            Err(error) => panic!("there is no {xpath}: {error}\n{}", self.source().await),
        }
    }

    async fn source(&self) -> String {
        self.driver.source().await.expect("a page has a source")
    }
}

/// The list item, of products or of the cart, that is headed by `title`.
fn item(title: &str) -> String {
    format!("//li[.//h2[normalize-space()={}]]", quoted(title))
}

/// A text as a literal of XPath, which knows no escapes.
fn quoted(text: &str) -> String {
    if text.contains('"') { format!("'{text}'") } else { format!("\"{text}\"") }
}
