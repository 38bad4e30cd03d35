//! The routes, and the page that explains them.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::admin::table;

const PAGE: &str = include_str!("../../../../../docs/admin-api.md");

/// Outside of the table: they ask for no token.
const HEALTH: [&str; 2] = ["GET /health/live", "GET /health/ready"];

/// The page's sections: route, and text.
fn sections() -> BTreeMap<&'static str, &'static str> {
    let sections = PAGE.split("\n## `").skip(1).map(|section| section.split_once('`').unwrap());
    sections.collect()
}

/// What the page shows as the answer of a route, if it shows one.
fn shown(route: &str) -> Option<Value> {
    let section = sections()[route];
    let (_, rest) = section.split_once("```json\n")?;
    let (json, _) = rest.split_once("\n```").unwrap();
    Some(serde_json::from_str(json).unwrap())
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_route_of_the_admin_api_is_explained_and_no_other() {
    let room = Room::new().await;
    let table: Vec<String> = table().iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let routes: BTreeSet<&str> = table.iter().map(String::as_str).chain(HEALTH).collect();
    assert_eq!(sections().into_keys().collect::<BTreeSet<_>>(), routes);
    for route in routes {
        let (method, path) = route.split_once(' ').unwrap();
        assert!(sections()[route].contains("curl "), "{route} has an example");
        let path = path.replace("{user}", "alice").replace("{id}", &uuid::Uuid::nil().to_string());
        let request = Request::builder().method(method).uri(&path).header(header::HOST, "localhost");
        let (status, text) = room.ask(request.body(Body::empty()).unwrap()).await;
        let nowhere = text.contains("nothing here") || status == StatusCode::METHOD_NOT_ALLOWED;
        assert!(!nowhere, "{route} is in the router: {status} {text}");
    }
}

#[tokio::test]
async fn the_answers_of_the_admin_api_have_the_fields_that_the_page_shows() {
    let room = Room::new().await;
    let (_alice, _) = room.client("alice", "phone").await;
    let conversation = room.send("alice", "bob", "hello").await.conversation;
    room.post("/admin/block", json!({ "user": "mallory" })).await;
    let one = room.lines(&format!("/admin/conversations/{conversation}")).await.remove(0);
    let answers = [
        ("GET /admin/sessions", room.lines("/admin/sessions").await.remove(0)),
        ("GET /admin/blocked", room.lines("/admin/blocked").await.remove(0)),
        ("GET /admin/conversations", room.lines("/admin/conversations?user=alice").await.remove(0)),
        ("GET /admin/conversations/{id}", one),
        ("GET /events", room.lines("/events").await.remove(0)),
        ("POST /admin/block", room.post("/admin/block", json!({ "user": "mallory" })).await),
        ("POST /admin/unblock", room.post("/admin/unblock", json!({ "user": "mallory" })).await),
        ("POST /admin/revoke", room.post("/admin/revoke", json!({ "user": "alice" })).await),
        ("POST /admin/kick", room.post("/admin/kick", json!({ "user": "alice" })).await),
    ];
    for (route, answer) in &answers {
        let shown = shown(route).unwrap();
        assert_eq!(keys(&shown), keys(answer), "{route}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_refused_with_the_one_that_is_right() {
    let room = Room::new().await;
    let response = room.router.clone().oneshot(post("/admin/sessions", &json!({}))).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "GET,HEAD");
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(body["message"].as_str().unwrap().contains("`Allow`"), "{body}");
}
