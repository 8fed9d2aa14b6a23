//! The products: `/products`, `/products/{locale}` and `/products/{locale}/{id}`.

use std::{borrow::Cow, sync::Arc};

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, header};
use percent_encoding::percent_decode_str;
use sava_service::Problem;

use crate::{
    app::{App, Representation},
    array::answer_with_array,
    catalog::{Catalog, List, Store},
    document::{Document, Tag},
    headers::{X_TOTAL_COUNT, answer_with},
    negotiation::Form,
    problems,
    query::{Query, Selection, links::links, parameters::Window},
};

/// `GET /products`: the stores there are.
pub async fn list_stores(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let representation = app.negotiate(request.headers())?;
    let index = app.catalog.load().index.in_form(representation.content_type(), representation.etag_form());
    let headers = app.version_headers(representation.version);
    Ok(representation.mark(answer_with(&index, request.headers(), headers).await))
}

/// `GET /products/{locale}`: the products of a store.
pub async fn list_products(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let catalog = app.catalog.load_full();
    let store = find_store(&catalog, &segment(&request, 2))?;
    let representation = app.negotiate(request.headers())?;
    if let Some(query) = request.uri().query().filter(|query| !query.is_empty()) {
        return query_products(&app, store, representation, query, request.headers()).await;
    }
    let mut headers = app.version_headers(representation.version);
    headers.insert(X_TOTAL_COUNT, HeaderValue::from(store.len()));
    let response = match store.list(representation.version) {
        List::Whole { plain, vendor } => {
            let document = if representation.form == Form::Plain { plain } else { vendor };
            answer_with(document, request.headers(), headers).await
        }
        List::Large { tag } => {
            let positions = store.positions();
            answer_with_array(store, representation, positions, *tag, request.headers(), headers)
        }
    };
    Ok(representation.mark(response))
}

/// The products of a store that a query selects.
async fn query_products(
    app: &App,
    store: &Arc<Store>,
    representation: Representation,
    query: &str,
    request: &HeaderMap,
) -> Result<Response, Problem> {
    let parsed = Query::parse(query).map_err(problems::bad_query)?;
    let window = parsed.window;
    let Selection { positions, total } = app.select(store, parsed).await?;
    let mut headers = app.version_headers(representation.version);
    headers.insert(X_TOTAL_COUNT, HeaderValue::from(total));
    if let Window::Page { page, limit } = window {
        headers.append(header::LINK, links(query, page, limit, total));
    }
    // The products and their order, and so the bytes, follow from the data of the store and these positions.
    let tag = Tag::of_pieces(|feed| {
        feed(store.tag(representation.version).to_string().as_bytes());
        for position in &positions {
            feed(&position.to_le_bytes());
        }
    });
    let response = answer_with_array(store, representation, positions.into_iter(), tag, request, headers);
    Ok(representation.mark(response))
}

/// `GET /products/{locale}/{id}`: one product.
pub async fn show_product(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let catalog = app.catalog.load_full();
    let store = find_store(&catalog, &segment(&request, 2))?;
    let id = segment(&request, 3);
    let position = parse_id(&id).and_then(|id| store.position(id));
    let position = position.ok_or_else(|| problems::unknown_product(&id, &store.data.locale))?;
    let representation = app.negotiate(request.headers())?;
    let product = store.product(representation.version, position);
    let document = Document::new(representation.content_type(), product)
        .in_form(representation.content_type(), representation.etag_form());
    let headers = app.version_headers(representation.version);
    Ok(representation.mark(answer_with(&document, request.headers(), headers).await))
}

fn find_store<'catalog>(catalog: &'catalog Catalog, locale: &str) -> Result<&'catalog Arc<Store>, Problem> {
    catalog.store(locale).ok_or_else(|| problems::unknown_locale(locale, catalog))
}

/// The segment of the path at `position`, decoded; what is no UTF-8 cannot name anything here.
pub(crate) fn segment(request: &Request, position: usize) -> Cow<'_, str> {
    let segment = request.uri().path().split('/').nth(position).unwrap_or_default();
    percent_decode_str(segment).decode_utf8_lossy()
}

/// An id as it is written in answers: digits, with no zero before them.
fn parse_id(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok())?
}
