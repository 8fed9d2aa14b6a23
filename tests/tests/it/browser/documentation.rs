//! The pages of sava-product, as a developer uses them: below a prefix, as behind an Ingress or `kubectl proxy`.

use std::time::Duration;

use sava_testbed::{
    BrowserShopper, Ingress, PATIENCE, Product,
    browser::{Browser, Script},
};
use thirtyfour::By;

use super::accessibility::Judge;

/// The API of a release below `/api`, which lives as long as both.
async fn api(release: &str) -> (Product, Ingress) {
    let product = Product::start().release(release).await;
    let ingress = Ingress::start("/api", &format!("127.0.0.1:{}", product.port())).await;
    (product, ingress)
}

#[tokio::test]
async fn a_developer_tries_each_version() {
    let (_product, ingress) = api("3.0.0").await;
    let browser = Browser::start(Script::On).await;
    let judge = Judge::of(&browser);
    let docs = format!("{}docs", ingress.url());
    browser.driver().goto(&docs).await.expect("a page is shown");
    for (version, price) in [("v1", "\"price\": 25"), ("v3", "\"amount\": 2500")] {
        let send = format!(
            "const [version, , query] = document.querySelectorAll('#try select, #try input');
            version.value = 'application/vnd.sava.{version}+json';
            query.value = 'id=3';
            document.querySelector('#try button').click()"
        );
        judge.run(&send).await;
        let answer = async {
            loop {
                let text = judge.run("return document.querySelector('#try-answer').innerText").await;
                let text = text.as_str().unwrap_or_default().to_owned();
                if text.contains(&format!("x-sava-media-type: sava.{version}")) {
                    return text;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let answer = tokio::time::timeout(PATIENCE, answer).await.expect("an answer is shown");
        assert!(answer.contains("200 OK") && answer.contains(price), "{answer}");
        let command = format!(
            "curl -H 'Accept: application/vnd.sava.{version}+json' '{}products/ie?id=3'",
            ingress.url()
        );
        assert!(answer.contains(&command), "{answer}");
    }
    assert_eq!(browser.console().await, [""; 0]);
}

#[tokio::test]
async fn versions_are_tabs_without_script() {
    let (_product, ingress) = api("2.0.1").await;
    let browser = Browser::start(Script::Off).await;
    let reader = BrowserShopper::enters(&browser, &format!("{}docs", ingress.url())).await;
    let answer = "//section[@id='showProduct']//fieldset/div/pre[2]";
    // What is hidden has no text.
    let shown = async || {
        let texts = reader.texts(answer).await;
        texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>()
    };
    let newest = shown().await;
    assert!(newest.len() == 1 && newest[0].contains("\"img\""), "{newest:?}");
    let tab = By::XPath("//section[@id='showProduct']//label[.='v1']");
    browser.driver().find(tab).await.expect("a tab").click().await.expect("a tab can be clicked");
    let oldest = shown().await;
    assert!(oldest.len() == 1 && !oldest[0].contains("\"img\""), "{oldest:?}");
}

#[tokio::test]
async fn a_problem_is_a_page_that_leads_to_what_it_means() {
    let (_product, ingress) = api("3.0.0").await;
    let browser = Browser::start(Script::On).await;
    let reader = BrowserShopper::enters(&browser, &ingress.url()).await;
    let nowhere = format!("{}products/nowhere/7", ingress.url());
    browser.driver().goto(nowhere).await.expect("a page is shown");
    assert_eq!(reader.heading().await, "Unknown locale");
    reader.follows("What this kind of problem means").await;
    assert_eq!(reader.heading().await, "The product API");
    let target = Judge::of(&browser).run("return document.querySelector(':target').innerText").await;
    assert!(target.as_str().is_some_and(|text| text.contains("unknown-locale")), "{target}");
}

#[tokio::test]
async fn axe_finds_nothing_in_the_pages_of_the_api() {
    let (_product, ingress) = api("3.0.0").await;
    let browser = Browser::start(Script::On).await;
    let judge = Judge::of(&browser);
    for (page, path) in [("the index", ""), ("the documentation", "docs"), ("a problem", "products/nowhere")]
    {
        let url = format!("{}{path}", ingress.url());
        browser.driver().goto(url).await.expect("a page is shown");
        judge.judges(page).await;
    }
}
