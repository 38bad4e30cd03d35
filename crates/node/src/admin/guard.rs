//! Who may ask: whoever has the token; without one, whoever is on this machine, but no web page.
//!
//! A page that a browser on this machine has open can send requests to loopback, and by rebinding its own name to
//! 127.0.0.1 it could read the answers. So a request with an `Origin` is refused, and so is one that the browser marks as
//! another site's; and where no token is asked for, the `Host` must be this machine's own.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use super::{Refusal, Shared};
use crate::gateway::is_loopback;

/// What browsers say of where a request comes from.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Refuses requests that a web page has made.
pub(super) async fn not_from_a_page(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let headers = request.headers();
    let typed = |site: &header::HeaderValue| site.as_bytes() == b"none";
    if headers.contains_key(header::ORIGIN) || !headers.get_all(SEC_FETCH_SITE).iter().all(typed) {
        return Err(Refusal::Forbidden("Web pages may not ask here."));
    }
    if shared.token.is_none() && !is_for_this_machine(headers) {
        return Err(Refusal::Forbidden(
            "The request is not addressed to this machine's loopback. To reach it by another name, set admin.token_file.",
        ));
    }
    Ok(next.run(request).await)
}

/// Refuses requests without the token, where there is one.
pub(super) async fn token(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    if let Some(token) = &shared.token
        && !bearer(request.headers()).is_some_and(|bearer| token.matches(bearer))
    {
        return Err(Refusal::NoToken);
    }
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Whether the one `Host` can only mean this machine.
fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    host.to_str().is_ok_and(is_loopback)
}
