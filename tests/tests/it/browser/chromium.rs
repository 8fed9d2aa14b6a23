//! The browser of these tests is as they need it.

use axum::{Router, response::Html, routing::get};
use sava_testbed::browser::{Browser, Script};
use thirtyfour::By;

const PAGE: &str = "<!DOCTYPE html><title>t</title><h1>script is off</h1>
<script>document.querySelector('h1').textContent = 'script is on'</script>";

async fn heading(script: Script) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = Router::new().route("/", get(|| async { Html(PAGE) }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let browser = Browser::start(script).await;
    browser.driver().goto(&url).await.unwrap();
    browser.driver().find(By::Css("h1")).await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn script_runs_when_it_is_on() {
    assert_eq!(heading(Script::On).await, "script is on");
}

#[tokio::test]
async fn script_does_not_run_when_it_is_off() {
    assert_eq!(heading(Script::Off).await, "script is off");
}

#[tokio::test]
async fn other_hosts_are_out_of_reach() {
    let browser = Browser::start(Script::On).await;
    let error = browser.driver().goto("http://sava.example/").await.unwrap_err();
    assert!(error.to_string().contains("ERR_NAME_NOT_RESOLVED"), "{error}");
}
