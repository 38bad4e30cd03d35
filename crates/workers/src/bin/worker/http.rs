//! What a running worker answers: how far it is, and what it has counted.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use causerie_protocol::ConversationId;
use causerie_workers::counts::{Day, Query};
use causerie_workers::{Progress, State as WorkerState, WorkerError};
use serde_json::json;

use crate::metrics;

#[derive(Clone)]
struct Shared {
    progress: Arc<Progress>,
    query: Query,
}

/// Every question there is.
pub(crate) fn router(progress: Arc<Progress>, query: Query) -> Router {
    Router::new()
        .route("/metrics", get(numbers))
        .route("/ready", get(ready))
        .route("/counts/days/{day}", get(day))
        .route("/counts/conversations/{conversation}", get(conversation))
        .with_state(Shared { progress, query })
}

async fn numbers(State(shared): State<Shared>) -> Result<impl IntoResponse, Refusal> {
    let text =
        metrics::text(&shared.progress.snapshot()).map_err(|error| Refusal::Failed(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}

/// It reads: the group has given it partitions, and its store takes what it counts.
async fn ready(State(shared): State<Shared>) -> StatusCode {
    match shared.progress.snapshot().state {
        WorkerState::Running => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn day(State(shared): State<Shared>, Path(day): Path<String>) -> Result<Response, Refusal> {
    let day: Day = day.parse().map_err(Refusal::Wrong)?;
    let count = ask(move || shared.query.day(day)).await?;
    Ok(Json(json!({ "day": day.to_string(), "messages": count })).into_response())
}

async fn conversation(
    State(shared): State<Shared>,
    Path(conversation): Path<String>,
) -> Result<Response, Refusal> {
    let id: ConversationId =
        conversation.parse().map_err(|_| Refusal::Wrong("no conversation id".to_owned()))?;
    let days = ask(move || shared.query.conversation(id)).await?.ok_or(Refusal::NotHere)?;
    let days: serde_json::Map<_, _> =
        days.into_iter().map(|(day, count)| (day.to_string(), json!(count))).collect();
    Ok(Json(json!({ "conversation": id, "messages": days })).into_response())
}

/// The database is read beside the runtime's threads.
async fn ask<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, WorkerError> + Send + 'static,
) -> Result<T, Refusal> {
    let answer = tokio::task::spawn_blocking(question).await;
    answer
        .map_err(|error| Refusal::Failed(error.to_string()))?
        .map_err(|error| Refusal::Failed(error.to_string()))
}

/// Why a question is not answered.
enum Refusal {
    Wrong(String),
    NotHere,
    Failed(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Wrong(why) => (StatusCode::BAD_REQUEST, why),
            Self::NotHere => (StatusCode::NOT_FOUND, "nothing of it is counted in this process".to_owned()),
            Self::Failed(why) => (StatusCode::INTERNAL_SERVER_ERROR, why),
        };
        (status, text + "\n").into_response()
    }
}
