//! The configuration as an operator meets it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::load::Flag;
use super::{Config, Sources, reference};

/// Sources with a home, and a file of this content.
fn sources(file: &str) -> (Sources, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    std::fs::write(&path, file).unwrap();
    let variables = BTreeMap::from([("HOME".to_owned(), "/home/alice".to_owned())]);
    (Sources { file: Some(path), variables, ..Sources::default() }, folder)
}

/// The errors of a file's content, without the folder that it is in.
fn errors(file: &str) -> String {
    let (sources, folder) = sources(file);
    let text = sources.load().unwrap_err().to_string();
    text.replace(&format!("{}/", folder.path().display()), "")
}

fn variable(name: &str, value: &str) -> Sources {
    let variables =
        [("HOME", "/home/alice"), (name, value)].map(|(name, value)| (name.to_owned(), value.to_owned()));
    Sources { variables: BTreeMap::from(variables), ..Sources::default() }
}

#[test]
fn without_any_source_the_defaults_serve_loopback() {
    let config = variable("HOME", "/home/alice").load().unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.store.data_dir, PathBuf::from("/home/alice/.local/share/causerie"));
    assert_eq!(variable("XDG_DATA_HOME", "/d").load().unwrap().store.data_dir, PathBuf::from("/d/causerie"));
    let nowhere = Sources::default().load().unwrap_err().to_string();
    assert!(nowhere.contains("--data DIR"), "{nowhere}");
}

#[test]
fn a_source_lies_over_the_one_before() {
    let (mut sources, _folder) = sources("[limits]\nbody_bytes = 1000\n[presence]\nheartbeat_s = 7\n");
    assert_eq!(sources.load().unwrap().limits.body_bytes, 1_000);
    sources.variables.insert("CAUSERIE_LIMITS__BODY_BYTES".to_owned(), "2_000".to_owned());
    assert_eq!(sources.load().unwrap().limits.body_bytes, 2_000);
    sources.sets.push("limits.body_bytes=3000".to_owned());
    assert_eq!(sources.load().unwrap().limits.body_bytes, 3_000);
    let value = "4000".to_owned();
    sources.flags.push(Flag { name: "--body", section: "limits", key: "body_bytes", value });
    let config = sources.load().unwrap();
    assert_eq!(config.limits.body_bytes, 4_000);
    assert_eq!(config.presence.heartbeat, Duration::from_secs(7), "the file's other keys stay");
    assert_eq!(config.reread().unwrap().limits.body_bytes, 4_000);
}

#[test]
fn every_problem_is_told_with_its_place_and_a_suggestion() {
    let file = "\
[server]
listne = \"127.0.0.1:1\"
[limits]
  body_bytes = \"big\"
sends_in_flight = 0
data_dir = \"/tmp\"
out_queue_frames = 99999999999999999999999999
[presense]
heartbeat_s = 30
";
    assert_eq!(
        errors(file),
        "\
c.toml:2:1: unknown key `listne` in [server]; did you mean `listen`?
c.toml:4:16: limits.body_bytes: expected a whole number from 256 to 65536, got the text \"big\"
c.toml:5:19: limits.sends_in_flight: expected a whole number from 1 to 1024, got the number 0
c.toml:6:1: unknown key `data_dir` in [limits]; it belongs to [store]
c.toml:7:20: limits.out_queue_frames: expected a whole number from 16 to 65536, got the number 99999999999999999999999999
c.toml:8:2: unknown section [presense]; did you mean [presence]?"
    );
}

#[test]
fn keys_outside_of_sections_are_told_where_they_belong() {
    assert_eq!(
        errors("data_dir = 3"),
        "c.toml:1:1: `data_dir` stands outside of a section; it belongs to [store]"
    );
    assert_eq!(errors("server = 3"), "c.toml:1:1: `server` is a section: write [server] and its keys below");
    assert!(errors("zzz = 3").ends_with(
        "there are server, admin, store, cql, kafka, redis, auth, tls, limits, rates, presence, timeouts, telemetry"
    ));
    assert!(errors("[zzzzzzzz]").contains("unknown section [zzzzzzzz]; there are server,"));
    assert!(errors("[presence]\nzzzzzzz = 1").ends_with("; it has heartbeat_s, ttl_s, grace_s"));
}

#[test]
fn what_is_not_toml_is_told_with_its_place() {
    let text = errors("[server]\nlisten = 127.0.0.1:1\n");
    assert!(text.starts_with("c.toml:2:"), "{text}");
    let twice = errors("[server]\nnode_number = 1\nnode_number = 2\n");
    assert!(twice.starts_with("c.toml:3:1: "), "{twice}");
    let missing =
        Sources { file: Some("/nowhere/c.toml".into()), ..variable("HOME", "/h") }.load().unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere/c.toml: it cannot be read: No such file"), "{missing}");
}

#[test]
fn variables_and_set_tell_their_names() {
    let check = |name: &str, expected: &str| {
        assert_eq!(variable(name, "7x").load().unwrap_err().to_string(), expected);
    };
    check(
        "CAUSERIE_LIMITS__WATCH_USERS",
        "environment variable CAUSERIE_LIMITS__WATCH_USERS: limits.watch_users: expected a whole number from 0 to 65536, \
         got `7x`",
    );
    check(
        "CAUSERIE_LIMIT__WATCH_USERS",
        "environment variable CAUSERIE_LIMIT__WATCH_USERS: unknown section [limit]; did you mean [limits]?",
    );
    check(
        "CAUSERIE_LIMITS_WATCH_USERS",
        "environment variable CAUSERIE_LIMITS_WATCH_USERS: write CAUSERIE_LIMITS__WATCH_USERS, with two underscores between \
         section and key",
    );
    assert!(variable("CAUSERIE_SERVICE_HOST", "10.0.0.1").load().is_ok(), "made by a service manager");
    let set = Sources { sets: vec!["limits=7".to_owned()], ..variable("HOME", "/h") }.load().unwrap_err();
    assert_eq!(set.to_string(), "--set: expected section.key=value, such as --set limits.body_bytes=32768");
}

#[test]
fn a_secret_is_in_no_error_and_no_debug_output() {
    let canary = "canary-canary-canary-canary-canary";
    let mut sources = variable("CAUSERIE_AUTH__HMAC_SECRET", canary);
    sources.sets.push(format!("admin.token={canary}"));
    let config = sources.load().unwrap();
    assert_eq!(config.auth.hmac_secret.as_ref().unwrap().expose(), canary.as_bytes());
    assert!(!format!("{config:?}").contains("canary"));
    assert!(!config.keys().iter().any(|key| format!("{key:?}").contains("canary")));
    sources.sets.push(format!("admin.tokne={canary}"));
    sources.sets.push(canary.to_owned());
    let told = sources.load().unwrap_err().to_string();
    assert!(told.contains("did you mean `token`?") && !told.contains("canary"), "{told}");
    let wrong_type = errors("[auth]\nhmac_secret = 4242424242\n");
    assert!(!wrong_type.contains("4242") && wrong_type.contains("expected a text"), "{wrong_type}");
}

#[test]
fn rules_between_keys_are_kept() {
    for (file, expected) in [
        ("[presence]\nttl_s = 30", "c.toml:2:9: presence.ttl_s must be longer than presence.heartbeat_s"),
        ("[tls]\ncert_file = \"c.pem\"", "c.toml:2:13: tls.cert_file needs tls.key_file beside it"),
        ("[tls]\nkey_file = \"k.pem\"", "tls.key_file needs tls.cert_file beside it"),
        (
            "[auth]\njwks_file = \"a\"\nhmac_secret_file = \"b\"",
            "auth.jwks_file and auth.hmac_secret_file are set",
        ),
        ("[auth]\npublic_key_file = \"a\"", "needs auth.public_key_algorithm"),
        ("[auth]\npublic_key_algorithm = \"ES256\"", "is only for auth.public_key_file"),
        ("[auth]\njwks_url = \"http://id.example.org/\"", "must begin with https://"),
        ("[auth]\njwks_refresh_s = 600\njwks_max_age_s = 60", "must not be shorter"),
        ("[auth]\nsign_in_by_name = \"off\"", "sign-in by name is off and no key is configured"),
        (
            "[server]\nlisten = \"0.0.0.0:8080\"",
            "c.toml:2:10: 0.0.0.0:8080 can be reached from other machines",
        ),
        ("[server]\nlisten = \"127.0.0.1:8081\"", "choose two ports"),
        ("[admin]\nlisten = \"[::]:8081\"", "set admin.token_file"),
        ("[admin]\ntoken = \"short\"", "at least 16 bytes"),
        ("[limits]\nbody_bytes = 65536\nframe_bytes = 65536", "limits.frame_bytes must be at least 91480"),
        ("[limits]\nout_queue_bytes = 65536", "must not be smaller than limits.frame_bytes"),
    ] {
        assert!(errors(file).contains(expected), "{file}: {}", errors(file));
    }
}

#[test]
fn a_listener_for_others_is_accepted_with_a_key() {
    for file in [
        "[server]\nlisten = \"0.0.0.0:80\"\n[auth]\njwks_url = \"https://id.example.org/keys\"",
        "[auth]\njwks_url = \"http://localhost:9/keys\"",
        "[auth]\njwks_url = \"http://[::1]:9/keys\"",
        "[server]\nlisten = \"[::ffff:127.0.0.1]:80\"",
        "[admin]\nlisten = \"0.0.0.0:81\"\ntoken_file = \"t\"",
    ] {
        let (sources, _folder) = sources(file);
        assert!(sources.load().is_ok(), "{file}");
    }
}

#[test]
fn a_reload_knows_what_changed_and_what_it_may_take_over() {
    let before = variable("CAUSERIE_AUTH__HMAC_SECRET", &"a".repeat(32)).load().unwrap();
    let mut sources = variable("CAUSERIE_AUTH__HMAC_SECRET", &"b".repeat(32));
    sources.sets = vec!["telemetry.log=debug".to_owned(), "limits.body_bytes=512".to_owned()];
    let after = sources.load().unwrap();
    assert_eq!(
        before.changes(&after),
        [("auth.hmac_secret", true), ("limits.body_bytes", false), ("telemetry.log", true)]
            .map(|(key, reloadable)| (key.to_owned(), reloadable))
    );
    let mut running = before.clone();
    running.take_over(&after);
    assert_eq!(
        running.changes(&after),
        [("limits.body_bytes".to_owned(), false)],
        "it still needs a restart"
    );
}

#[test]
fn every_default_is_accepted_in_every_place() {
    for key in Config::default().keys() {
        let Some(value) = key.value.clone().filter(|_| key.name != "data_dir") else { continue };
        assert!(!key.words.is_empty() && !key.accepted.is_empty(), "{}", key.path());
        let text = serde_json::from_str::<String>(&value)
            .unwrap_or_else(|_| value.trim_matches(['[', ']']).to_owned());
        let mut from_set = variable(&key.variable(), &text);
        from_set.sets.push(format!("{}={text}", key.path()));
        let loaded = from_set.load().unwrap();
        let read = loaded.keys().into_iter().find(|other| other.path() == key.path()).unwrap();
        assert_eq!(read.value, key.value, "{}", key.path());
        let (from_file, _folder) = sources(&format!("[{}]\n{} = {value}\n", key.section, key.name));
        assert!(from_file.load().unwrap().changes(&loaded).is_empty(), "{}", key.path());
    }
}

#[test]
fn the_example_file_is_the_defaults() {
    let example = reference::example();
    let (sources, _folder) = sources(&example);
    let defaults = variable("HOME", "/home/alice").load().unwrap();
    assert_eq!(sources.load().unwrap().changes(&defaults), []);
    for key in defaults.keys() {
        assert!(
            example
                .lines()
                .any(|line| line.trim_start_matches("# ").starts_with(&format!("{} = ", key.name))),
            "{}",
            key.path()
        );
    }
}

#[test]
fn the_page_in_the_documentation_is_generated_from_the_keys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == reference::markdown(),
        "write it anew: causerie config-reference > docs/configuration.md"
    );
}
