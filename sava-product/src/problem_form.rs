//! The form in which a client is told of a problem: JSON (RFC 9457), or a page for a person.

use askama::Template;
use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{HeaderName, HeaderValue, header};
use sava_service::Problem;

use crate::{documents, pages::wants_page, release::Release};

/// What a browser will do with the answer (W3C, Fetch Metadata Request Headers, §2.1).
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// How the answer to a request tells of a problem.
///
/// A page is for a browser that opens the address, and for nobody else: whatever a program or a script says in `Accept`, it
/// gets JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProblemForm {
    is_page: bool,
    /// How many directories below the root of the API the request's path is.
    depth: usize,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Page<'a> {
    base: &'a str,
    release: &'a str,
    problem: &'a Problem,
    json: String,
}

impl ProblemForm {
    /// That for the answer to `request`.
    pub(crate) fn of(request: &Request) -> Self {
        let headers = request.headers();
        let is_opened = headers.get(SEC_FETCH_DEST).is_some_and(|dest| dest == "document");
        let slashes = request.uri().path().bytes().filter(|byte| *byte == b'/').count();
        Self { is_page: is_opened && wants_page(headers), depth: slashes.saturating_sub(1) }
    }

    /// The answer of a release. `Link` leads to what is said of the kind of the problem, relative to the request's path.
    pub(crate) fn answer(self, problem: Problem, release: &Release) -> Response {
        let base = if self.depth == 0 { "./".to_owned() } else { "../".repeat(self.depth) };
        let help = format!("<{base}docs#problem-{}>; rel=\"help\"", problem.kind.name);
        let page = if self.is_page { Page::of(&problem, &base, release) } else { None };
        let mut response = problem.into_response();
        let headers = response.headers_mut();
        if let Ok(help) = HeaderValue::try_from(help) {
            headers.insert(header::LINK, help);
        }
        if let Some(page) = page {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            headers.insert(header::CONTENT_SECURITY_POLICY, documents::policy());
            *response.body_mut() = page.into();
        }
        response
    }
}

impl Page<'_> {
    fn of(problem: &Problem, base: &str, release: &Release) -> Option<String> {
        let json = serde_json::to_string_pretty(problem).ok()?;
        Page { base, release: release.version, problem, json }.render().ok()
    }
}
