//! The products: `/products`, `/products/{locale}` and `/products/{locale}/{id}`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, header};
use sava_service::Problem;

use crate::{
    array::answer_with_array,
    catalog::{Catalog, List, Store},
    document::{Document, Tag},
    headers::{X_TOTAL_COUNT, answer_with, answer_with_kept},
    negotiation::MediaType,
    path::parameter,
    problems,
    query::{Selection, Window, links::links},
    representation::Representation,
    state::AppState,
};

/// `GET /products`: the stores there are.
pub(crate) async fn list_stores(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let representation = state.negotiate(request.headers())?;
    let index = state
        .catalog
        .load()
        .index
        .with_media_type(representation.content_type(), representation.etag_suffix());
    let headers = state.version_headers(representation.version);
    Ok(representation.mark(answer_with(&index, request.headers(), headers).await))
}

/// `GET /products/{locale}`: the products of a store.
pub(crate) async fn list_products(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let catalog = state.catalog.load_full();
    let store = find_store(&catalog, &parameter(&request, "locale"))?;
    let representation = state.negotiate(request.headers())?;
    if let Some(query) = request.uri().query().filter(|query| !query.is_empty()) {
        return query_products(&state, store, representation, query, request.headers()).await;
    }
    let headers = || {
        let mut headers = state.version_headers(representation.version);
        headers.insert(X_TOTAL_COUNT, HeaderValue::from(store.len()));
        headers
    };
    let response = match store.list(representation.version) {
        List::Whole { plain, vendor } => {
            let document = if representation.media_type == MediaType::Plain { plain } else { vendor };
            answer_with_kept(document, request.headers(), &state.signature, headers).await
        }
        List::Large { tag } => {
            let positions = store.positions();
            answer_with_array(store, representation, positions, *tag, request.headers(), headers())
        }
    };
    Ok(representation.mark(response))
}

/// The products of a store that a query selects.
async fn query_products(
    state: &AppState,
    store: &Arc<Store>,
    representation: Representation,
    query: &str,
    request: &HeaderMap,
) -> Result<Response, Problem> {
    let (window, Selection { positions, total }) = state.select(store, query).await?;
    let mut headers = state.version_headers(representation.version);
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
pub(crate) async fn show_product(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let catalog = state.catalog.load_full();
    let store = find_store(&catalog, &parameter(&request, "locale"))?;
    let id = parameter(&request, "id");
    let position = parse_id(&id).and_then(|id| store.position(id));
    let position = position.ok_or_else(|| problems::unknown_product(&id, &store.data.locale))?;
    let representation = state.negotiate(request.headers())?;
    let product = store.product(representation.version, position);
    let document = Document::new(representation.content_type(), product)
        .with_media_type(representation.content_type(), representation.etag_suffix());
    let headers = state.version_headers(representation.version);
    Ok(representation.mark(answer_with(&document, request.headers(), headers).await))
}

fn find_store<'catalog>(catalog: &'catalog Catalog, locale: &str) -> Result<&'catalog Arc<Store>, Problem> {
    catalog.store(locale).ok_or_else(|| problems::unknown_locale(locale, catalog))
}

/// An id as it is written in answers: digits, with no zero before them.
fn parse_id(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok())?
}
