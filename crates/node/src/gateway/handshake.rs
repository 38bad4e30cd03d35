//! The WebSocket handshake: origin, subprotocol, token.

use causerie_protocol::SUBPROTOCOL;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::accept::Origins;

/// Checks a handshake, and keeps the token that it carried.
pub(super) struct Handshake<'a> {
    pub(super) origins: &'a Origins,
    pub(super) token: &'a mut Option<Box<str>>,
}

impl Callback for Handshake<'_> {
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        let headers = request.headers();
        if !self.origins.allow(headers) {
            return Err(refuse(
                StatusCode::FORBIDDEN,
                "This origin may not open connections here: see `server.public_origins`.\n",
            ));
        }
        match subprotocol(headers) {
            Offer::Ours => {
                response
                    .headers_mut()
                    .insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
            }
            Offer::None => {}
            Offer::Others => {
                return Err(refuse(
                    StatusCode::BAD_REQUEST,
                    "The subprotocol spoken here is `causerie.v1`.\n",
                ));
            }
        }
        *self.token = bearer(headers);
        Ok(response)
    }
}

enum Offer {
    Ours,
    Others,
    None,
}

fn subprotocol(headers: &HeaderMap) -> Offer {
    let mut offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().peekable();
    if offers.peek().is_none() {
        return Offer::None;
    }
    let ours = |value: &HeaderValue| {
        value.to_str().is_ok_and(|list| list.split(',').any(|name| name.trim() == SUBPROTOCOL))
    };
    if offers.any(ours) { Offer::Ours } else { Offer::Others }
}

fn bearer(headers: &HeaderMap) -> Option<Box<str>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}

fn refuse(status: StatusCode, message: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(message.to_owned()));
    *response.status_mut() = status;
    response
}
