//! The commands, as they are typed.

mod operators;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use causerie_actors::authenticate::Authenticator;
use causerie_protocol::{Clock, SystemClock};
use clap::{CommandFactory, Parser};

use super::{Cli, Command, admin, check_config, config_reference, events, token};
use crate::auth::Authority;

fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from([&["causerie"], arguments].concat())
}

/// Runs one of the commands that print, and returns what it printed.
fn run(arguments: &[&str]) -> anyhow::Result<String> {
    let mut out = Vec::new();
    match parse(arguments)?.command {
        Some(Command::Token(args)) => token::run(&args, &mut out)?,
        Some(Command::CheckConfig(args)) => check_config::run(&args, &mut out)?,
        Some(Command::ConfigReference(args)) => config_reference::run(&args, &mut out)?,
        Some(Command::Admin(args)) => admin::run(&args, &mut out)?,
        Some(Command::Events(args)) => events::run(&args, &mut out)?,
        _ => anyhow::bail!("not a command that prints"),
    }
    Ok(String::from_utf8(out)?)
}

/// A server that answers one request, and what was asked: the request line, then the interesting headers and the body.
fn one_request(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut lines = Vec::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            } else if lines.is_empty()
                || line.starts_with("authorization")
                || line.starts_with("content-type: app")
            {
                lines.push(line);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        lines.push(String::from_utf8(body).unwrap());
        lines.join("|")
    });
    (url, thread)
}

const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"a\":1}\n{\"a\":2}";

#[test]
fn the_commands_are_consistent_and_teach_by_example() {
    Cli::command().debug_assert();
    for command in Cli::command().get_subcommands_mut() {
        let help = command.render_long_help().to_string();
        let exempt = ["help", "migrate", "config-reference", "chat"].contains(&command.get_name());
        assert!(exempt || help.contains("Examples:\n"), "{help}");
    }
}

#[test]
fn serving_is_the_command_when_none_is_given() {
    let flags = [
        "--data",
        "d",
        "--listen",
        "127.0.0.1:9000",
        "--set",
        "limits.watch_users=3",
        "--set=server.node_name=a",
    ];
    let bare = parse(&flags).unwrap();
    assert!(bare.command.is_none());
    let Some(Command::Serve(named)) = parse(&[&["serve"], &flags[..]].concat()).unwrap().command else {
        panic!("not serve")
    };
    for settings in [bare.serve, named.settings] {
        let config = settings.load().unwrap();
        assert_eq!(config.server.listen.port(), 9_000);
        assert_eq!(config.store.data_dir.to_str(), Some("d"));
        assert_eq!((config.limits.watch_users, config.server.node_name.as_str()), (3, "a"));
    }
    let wrong = parse(&["--listen", "9000"]).unwrap().serve.load().unwrap_err().to_string();
    assert!(wrong.contains("--listen: server.listen: expected an IP address and a port"), "{wrong}");
    assert!(parse(&["--data", "d", "token", "--user", "a"]).is_err(), "flags go behind the command");
}

#[tokio::test]
async fn a_token_is_printed_alone_and_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let arguments = ["token", "--user", "alice", "--for", "15m", "--data", data];
    let early = format!("{:#}", run(&arguments).unwrap_err());
    assert!(early.contains("the server makes one when it first starts"), "{early}");
    let config = parse(&["--data", data]).unwrap().serve.load().unwrap();
    let clock = Arc::new(SystemClock::default());
    let server = Authority::open(&config, Arc::<SystemClock>::clone(&clock)).unwrap();
    let printed = run(&arguments).unwrap();
    let identity = server.authenticate(printed.trim_end(), clock.wall()).await.unwrap();
    assert_eq!(identity.user.as_str(), "alice");
    assert_eq!(printed.lines().count(), 1);
    assert!(
        run(&["token", "--user", " alice"]).is_err()
            && run(&["token", "--user", "a", "--for", "soon"]).is_err()
    );
}

#[test]
fn a_configuration_is_checked_with_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let file = path.to_str().unwrap();
    let check = |content: &str| {
        std::fs::write(&path, content).unwrap();
        run(&["check-config", file, "--set", "store.data_dir=/d"]).map_err(|error| format!("{error:#}"))
    };
    let right = check("[limits]\nbody_bytes = 1024\n").unwrap();
    assert_eq!(
        right,
        format!("{file} can be used.\nlimits.body_bytes differs from its default\ndata is kept in /d\n")
    );
    let wrong = check("[limits]\nbody_byte = 1024\n").unwrap_err();
    assert!(
        wrong.ends_with("c.toml:2:1: unknown key `body_byte` in [limits]; did you mean `body_bytes`?"),
        "{wrong}"
    );
    let missing = check(
        "[auth]\njwks_file = \"/nowhere/keys\"\n[tls]\ncert_file = \"/nowhere/cert\"\nkey_file = \"/nowhere/key\"\n\
         [admin]\ntoken_file = \"/nowhere/token\"\n",
    )
    .unwrap_err();
    let lines: Vec<&str> = missing.lines().collect();
    assert_eq!(lines.len(), 4, "all of them at once: {missing}");
    for (line, begins) in lines[1..].iter().zip([
        "[auth] /nowhere/keys: it cannot be read: ",
        "[tls] /nowhere/cert: it cannot be read: ",
        "admin.token_file: /nowhere/token: it cannot be read: ",
    ]) {
        assert!(line.starts_with(begins), "{missing}");
    }
}

#[test]
fn the_reference_is_printed() {
    assert!(run(&["config-reference"]).unwrap().contains("### `limits.body_bytes`"));
    assert!(run(&["config-reference", "--toml"]).unwrap().contains("\nbody_bytes = 16384\n"));
}

#[test]
fn every_admin_command_is_one_request() {
    let json = "content-type: application/json";
    for (arguments, expected) in [
        (vec!["sessions"], "GET /admin/sessions HTTP/1.1|".to_owned()),
        (
            vec!["conversations", "--user", "a b&c"],
            "GET /admin/conversations?user=a%20b%26c HTTP/1.1|".to_owned(),
        ),
        (vec!["kick", "--user", "bob"], format!("POST /admin/kick HTTP/1.1|{json}|{{\"user\":\"bob\"}}")),
        (
            vec!["kick", "--user", "bob", "--device", "phone"],
            format!("POST /admin/kick HTTP/1.1|{json}|{{\"device\":\"phone\",\"user\":\"bob\"}}"),
        ),
        (vec!["revoke", "--user", "bob"], format!("POST /admin/revoke HTTP/1.1|{json}|{{\"user\":\"bob\"}}")),
        (
            vec!["revoke", "--token-id", "t"],
            format!("POST /admin/revoke HTTP/1.1|{json}|{{\"token_id\":\"t\"}}"),
        ),
        (vec!["blocked"], "GET /admin/blocked HTTP/1.1|".to_owned()),
        (vec!["block", "--user", "bob"], format!("POST /admin/block HTTP/1.1|{json}|{{\"user\":\"bob\"}}")),
        (
            vec!["unblock", "--user", "bob"],
            format!("POST /admin/unblock HTTP/1.1|{json}|{{\"user\":\"bob\"}}"),
        ),
        (vec!["export-user", "a/b?"], "GET /admin/users/a%2Fb%3F/export HTTP/1.1|".to_owned()),
        (vec!["erase-user", "bob", "--yes"], "DELETE /admin/users/bob HTTP/1.1|".to_owned()),
    ] {
        let (url, server) = one_request(OK);
        let printed = run(&[&["admin"], &arguments[..], &["--admin", url.as_str()]].concat()).unwrap();
        assert_eq!(printed, "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(server.join().unwrap(), expected, "{arguments:?}");
    }
    assert!(run(&["admin", "erase-user", "bob"]).unwrap_err().to_string().contains("--yes"));
    assert!(
        run(&["admin", "revoke"]).is_err()
            && run(&["admin", "revoke", "--user", "a", "--token-id", "b"]).is_err()
    );
}

#[test]
fn events_are_asked_from_a_position_and_with_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    let (url, server) = one_request(OK);
    let token = token.to_str().unwrap();
    let arguments = ["events", "--follow", "--after", "7:1", "--admin", &url, "--admin-token-file", token];
    assert_eq!(run(&arguments).unwrap().lines().count(), 2);
    assert_eq!(
        server.join().unwrap(),
        "GET /events?after=7%3A1&follow=true HTTP/1.1|authorization: Bearer 0123456789abcdef|"
    );
}

#[test]
fn events_from_kafka_want_brokers_and_positions_of_kafka() {
    let Err(refused) = parse(&["events", "--from", "kafka"]) else { panic!("without brokers") };
    assert!(refused.to_string().contains("--brokers <HOST:PORT>"), "{refused}");
    let kafka = ["events", "--from", "kafka", "--brokers", "127.0.0.1:1", "--after", "messages:0:7,12"];
    let error = run(&kafka).unwrap_err().to_string();
    assert_eq!(error, "`12` is no position: they are written TOPIC:PARTITION:OFFSET");
    let error = run(&["events", "--after", "1,2", "--admin", "http://127.0.0.1:1"]).unwrap_err().to_string();
    assert_eq!(error, "the log of a server has one position");
}

#[test]
fn a_refusal_and_an_absence_are_told() {
    let refusal = "HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n{\"message\":\"No such user.\"}";
    let (url, server) = one_request(refusal);
    let error = run(&["admin", "block", "--user", "bob", "--admin", &url]).unwrap_err();
    assert_eq!(error.to_string(), "the server refuses: 404 Not Found: No such user.");
    server.join().unwrap();
    let error = run(&["admin", "sessions", "--admin", "http://127.0.0.1:1"]).unwrap_err();
    assert_eq!(error.to_string(), "no answer from http://127.0.0.1:1 (is the server running?)");
}
