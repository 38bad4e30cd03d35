//! Who gets an answer.

use super::*;

async fn status(room: &Room, path: &str, headers: &[(&str, &str)]) -> u16 {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    room.ask(request.body(Body::empty()).unwrap()).await.0.as_u16()
}

#[tokio::test]
async fn without_a_token_only_this_machine_is_answered_and_no_web_page() {
    let room = Room::new().await;
    for host in ["127.0.0.1:8081", "localhost", "localhost:8081", "[::1]:8081", "127.1.2.3:1"] {
        assert_eq!(status(&room, "/admin/sessions", &[("host", host)]).await, 200, "{host}");
    }
    for host in ["rebound.example", "rebound.example:8081", "10.0.0.1", "localhost.example", "", "[::2]"] {
        for path in ["/admin/sessions", "/metrics", "/health/live", "/nothing"] {
            assert_eq!(status(&room, path, &[("host", host)]).await, 403, "{host} {path}");
        }
    }
    assert_eq!(status(&room, "/admin/sessions", &[]).await, 403, "no host");
    let two = [("host", "localhost"), ("host", "rebound.example")];
    assert_eq!(status(&room, "/admin/sessions", &two).await, 403, "two hosts");
    for page in [("origin", "http://localhost:8081"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        assert_eq!(status(&room, "/metrics", &[("host", "localhost"), page]).await, 403, "{page:?}");
    }
    let typed = [("host", "localhost"), ("sec-fetch-site", "none")];
    assert_eq!(status(&room, "/metrics", &typed).await, 200, "an address that was typed in");
}

#[tokio::test]
async fn with_a_token_everything_but_health_asks_for_it() {
    const TOKEN: &str = "0123456789abcdef";
    let room = Room::over(Arc::new(MemoryStore::new()), Some(TOKEN)).await;
    let (right, longer) = (format!("Bearer {TOKEN}"), format!("bearer {TOKEN}x"));
    for path in ["/metrics", "/events", "/admin/sessions", "/admin/users/alice/export", "/admin/blocked"] {
        for wrong in ["", "Bearer", "Bearer ", "Bearer 0123456789abcdeF", &longer, TOKEN] {
            assert_eq!(status(&room, path, &[("authorization", wrong)]).await, 401, "{wrong} {path}");
        }
        assert_eq!(status(&room, path, &[]).await, 401, "{path}");
        assert_eq!(status(&room, path, &[("authorization", &right)]).await, 200, "{path}");
        let page = [("authorization", right.as_str()), ("origin", "https://chat.example")];
        assert_eq!(status(&room, path, &page).await, 403, "a page with the token, {path}");
    }
    assert_eq!(status(&room, "/health/ready", &[("host", "probe.example")]).await, 200);
}

#[tokio::test]
async fn a_request_that_is_wrong_changes_nothing_and_is_told_why() {
    let room = Room::new().await;
    for (path, body) in [
        ("/admin/kick", json!({ "usr": "alice" })),
        ("/admin/kick", json!({ "user": "alice", "devise": "phone" })),
        ("/admin/block", json!({ "user": "" })),
        ("/admin/revoke", json!({})),
        ("/admin/revoke", json!({ "user": "alice", "token_id": "t" })),
        ("/admin/revoke", json!({ "user": "alice", "expires": "2030-01-01T00:00:00Z" })),
    ] {
        let (status, text) = room.ask(post(path, &body)).await;
        let message = serde_json::from_str::<Value>(&text).unwrap()["message"].as_str().unwrap().to_owned();
        assert_eq!((status, message.is_empty()), (StatusCode::BAD_REQUEST, false), "{path} {body} {text}");
    }
    let mut plain = post("/admin/block", &json!({ "user": "alice" }));
    plain.headers_mut().remove(header::CONTENT_TYPE);
    assert_eq!(room.ask(plain).await.0, StatusCode::BAD_REQUEST, "a form could send it");
    for (path, expected) in [
        ("/admin/conversations", StatusCode::BAD_REQUEST),
        ("/admin/conversations/7", StatusCode::BAD_REQUEST),
        ("/admin/conversations/0e8b5a0c-6b0f-8d2c-9a54-3c1f0d7e9b21", StatusCode::NOT_FOUND),
        ("/events?after=1", StatusCode::BAD_REQUEST),
        ("/events?after=x", StatusCode::BAD_REQUEST),
        ("/events?from=1", StatusCode::BAD_REQUEST),
        ("/nothing", StatusCode::NOT_FOUND),
    ] {
        let (status, text) = room.ask(get(path)).await;
        assert_eq!(status, expected, "{path} {text}");
        assert!(serde_json::from_str::<Value>(&text).unwrap()["message"].is_string(), "{text}");
    }
    assert!(room.lines("/admin/blocked").await.is_empty());
}
