//! `GET /v1/info` and `POST /v1/session`: how to sign in, and signing in by name.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use causerie_protocol::{SUBPROTOCOL, UserId};
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use crate::auth::SignIn;

/// What a client has to know before it connects.
pub(super) async fn info(State(shared): State<Shared>) -> Json<serde_json::Value> {
    let sign_in = match shared.authority.sign_in() {
        SignIn::Name => "name",
        SignIn::Token => "token",
    };
    Json(json!({
        "name": "causerie", "version": env!("CARGO_PKG_VERSION"), "sign_in": sign_in, "protocol": SUBPROTOCOL,
    }))
}

/// Who wants to sign in.
#[derive(Deserialize)]
pub(super) struct Name {
    name: String,
}

/// Signs in by name, where that is allowed.
pub(super) async fn sign_in(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Result<Json<Name>, JsonRejection>,
) -> Response {
    if shared.authority.sign_in() != SignIn::Name {
        return refuse(
            StatusCode::NOT_FOUND,
            "Sign-in by name is off: sign in with a token of your identity provider.",
        );
    }
    if !shared.origins.allow(&headers) {
        return refuse(
            StatusCode::FORBIDDEN,
            "This origin may not sign in here: see `server.public_origins`.",
        );
    }
    let name = match body {
        Ok(Json(Name { name })) => UserId::new(&name).map_err(|error| error.to_string()),
        Err(rejection) => Err(rejection.body_text()),
    };
    let name = match name {
        Ok(name) => name,
        Err(problem) => {
            return refuse(StatusCode::BAD_REQUEST, &format!("The name is not accepted: {problem}."));
        }
    };
    match shared.authority.sign_in_by_name(&name) {
        Ok(issued) => {
            Json(json!({ "token": issued.token(), "user": name, "expires": issued.expires })).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a token could not be issued");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "No token could be issued; the server's log says why.")
        }
    }
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
