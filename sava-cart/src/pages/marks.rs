//! `POST /release/marks`: a presenter's word for this moment.

use std::time::{Duration, Instant};

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use super::visit::answer::Finished;
use crate::state::AppState;

/// The longest word: it is read from afar.
const MAX_TEXT_CHARS: usize = 60;
const MAX_ID_BYTES: usize = 40;
/// How old a mark may be that is sent again.
const MAX_AGE: Duration = Duration::from_secs(30);

/// The content. The key is in it, and not in a header, as the API server's proxy passes no `Authorization` on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewMark {
    key: String,
    id: String,
    text: String,
    age_ms: u64,
}

/// `POST /release/marks`: 204; 403 with another key, 404 where no key is set, 429 for too many.
pub(crate) async fn set_mark(
    State(state): State<AppState>,
    content: Result<Json<NewMark>, JsonRejection>,
) -> Response {
    let mut response = keep(&state, content).into_response();
    response.extensions_mut().insert(Finished);
    response
}

fn keep(state: &AppState, content: Result<Json<NewMark>, JsonRejection>) -> StatusCode {
    let Some(key) = &state.settings.presenter_key else { return StatusCode::NOT_FOUND };
    let Ok(Json(NewMark { key: given, id, text, age_ms })) = content else { return StatusCode::BAD_REQUEST };
    if !key.is(&given) {
        return StatusCode::FORBIDDEN;
    }
    let text = text.trim();
    let is_text = (1..=MAX_TEXT_CHARS).contains(&text.chars().count()) && !text.contains(char::is_control);
    let is_id = (1..=MAX_ID_BYTES).contains(&id.len());
    let time = Some(Duration::from_millis(age_ms)).filter(|age| *age <= MAX_AGE);
    let time = time.and_then(|age| Instant::now().checked_sub(age));
    match time {
        Some(time) if is_text && is_id => match state.marks.keep(time, id, text.to_owned()) {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_) => StatusCode::TOO_MANY_REQUESTS,
        },
        _ => StatusCode::BAD_REQUEST,
    }
}
