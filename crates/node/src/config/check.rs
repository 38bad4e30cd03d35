//! What single keys cannot know: unknown names, and rules between keys.

use std::net::SocketAddr;

use super::auth::SignInByName;
use super::cql::Consistency;
use super::store::Backend;
use super::{Config, admin};

/// Tells what is wrong, under the key that is to blame.
type Report<'a> = dyn FnMut(&str, String) + 'a;

/// Checks the rules between keys.
pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    keys(config, report);
    sign_in(config, report);
    listeners(config, report);
    sizes(config, report);
    backends(config, report);
    if config.presence.ttl <= config.presence.heartbeat {
        report(
            "presence.ttl_s",
            "presence.ttl_s must be longer than presence.heartbeat_s, best twice it".to_owned(),
        );
    }
    if config.tls.cert_file.is_some() != config.tls.key_file.is_some() {
        let (set, missing) = if config.tls.cert_file.is_some() {
            ("cert_file", "key_file")
        } else {
            ("key_file", "cert_file")
        };
        report(&format!("tls.{set}"), format!("tls.{set} needs tls.{missing} beside it"));
    }
}

/// At most one source of keys, and a whole one.
fn keys(config: &Config, report: &mut Report<'_>) {
    let auth = &config.auth;
    if let [_, second, ..] = auth.key_sources()[..] {
        let all = auth.key_sources().join(" and ");
        report(second, format!("{all} are set: choose one, so that it is clear whose signature counts"));
    }
    match (&auth.public_key_file, auth.public_key_algorithm) {
        (Some(_), None) => {
            report(
                "auth.public_key_file",
                "auth.public_key_file needs auth.public_key_algorithm beside it".to_owned(),
            );
        }
        (None, Some(_)) => {
            let message = "auth.public_key_algorithm is only for auth.public_key_file";
            report("auth.public_key_algorithm", message.to_owned());
        }
        _ => {}
    }
    if auth.jwks_url.as_deref().is_some_and(|url| !is_safe_url(url)) {
        let message =
            "auth.jwks_url must begin with https://, since whoever changes the answer can sign in as anybody";
        report("auth.jwks_url", message.to_owned());
    }
    if auth.jwks_max_age < auth.jwks_refresh {
        let message = "auth.jwks_max_age_s must not be shorter than auth.jwks_refresh_s";
        report("auth.jwks_max_age_s", message.to_owned());
    }
}

/// Plain HTTP is for loopback: a test, or a proxy on the same machine.
fn is_safe_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return true };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Somebody can sign in, and nobody can who should not.
fn sign_in(config: &Config, report: &mut Report<'_>) {
    const HOW: &str = "set one of auth.jwks_url, auth.jwks_file, auth.public_key_file, auth.hmac_secret_file";
    let listen = config.server.listen;
    if config.auth.has_key() {
        return;
    }
    if !is_loopback(listen) {
        report(
            "server.listen",
            format!(
                "{listen} can be reached from other machines, and no key is configured, so anybody could sign in as \
                 anybody: {HOW}, or listen on 127.0.0.1"
            ),
        );
    } else if config.auth.sign_in_by_name == SignInByName::Off {
        report("auth.sign_in_by_name", format!("sign-in by name is off and no key is configured: {HOW}"));
    }
}

fn listeners(config: &Config, report: &mut Report<'_>) {
    let (clients, admin) = (config.server.listen, &config.admin);
    if clients == admin.listen && clients.port() != 0 {
        let message = format!("admin.listen and server.listen are both {clients}: choose two ports");
        report("admin.listen", message);
    }
    if admin.token.is_some() && admin.token_file.is_some() {
        report("admin.token_file", "admin.token and admin.token_file are both set: choose one".to_owned());
    }
    if admin.token.as_ref().is_some_and(|token| token.expose().len() < admin::MIN_TOKEN_BYTES) {
        report("admin.token", format!("admin.token must have at least {} bytes", admin::MIN_TOKEN_BYTES));
    }
    if !is_loopback(admin.listen) && admin.token.is_none() && admin.token_file.is_none() {
        let message = format!(
            "{} can be reached from other machines, which could then read and erase everything: set admin.token_file, or \
             listen on 127.0.0.1",
            admin.listen
        );
        report("admin.listen", message);
    }
}

/// An IPv4 address may be written as an IPv6 one.
fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn sizes(config: &Config, report: &mut Report<'_>) {
    let limits = &config.limits;
    let needed = limits.body_bytes.div_ceil(3) * 4 + 4_096;
    if limits.frame_bytes < needed {
        let message = format!(
            "limits.frame_bytes must be at least {needed} for a limits.body_bytes of {}",
            limits.body_bytes
        );
        report("limits.frame_bytes", message);
    }
    if limits.out_queue_bytes < limits.frame_bytes {
        let message = "limits.out_queue_bytes must not be smaller than limits.frame_bytes".to_owned();
        report("limits.out_queue_bytes", message);
    }
}

/// The database, Kafka and Redis: whole where they are used, and silent where they are not.
fn backends(config: &Config, report: &mut Report<'_>) {
    let (cql, kafka, redis) = (&config.cql, &config.kafka, &config.redis);
    let uses_cql = config.store.backend == Backend::Cql;
    if uses_cql && cql.hosts.is_empty() {
        report(
            "cql.hosts",
            "store.backend is \"cql\": cql.hosts has to name a node of the database".to_owned(),
        );
    }
    if !uses_cql && !cql.hosts.is_empty() {
        report("cql.hosts", "cql.hosts does nothing without store.backend = \"cql\"".to_owned());
    }
    if !uses_cql && kafka.bootstrap_servers.is_some() {
        let message = "events go to Kafka with store.backend = \"cql\" only; the embedded store keeps a log of them, see \
                       `causerie events`";
        report("kafka.bootstrap_servers", message.to_owned());
    }
    if kafka.min_insync > kafka.replication {
        report("kafka.min_insync", "kafka.min_insync must not be above kafka.replication".to_owned());
    }
    if cql.consistency == Consistency::LocalQuorum && cql.datacenter.is_none() {
        report("cql.consistency", "\"local_quorum\" needs cql.datacenter beside it".to_owned());
    }
    let both = [
        ("cql.password_file", cql.password.is_some() && cql.password_file.is_some()),
        ("redis.password_file", redis.password.is_some() && redis.password_file.is_some()),
    ];
    for (key, _) in both.into_iter().filter(|(_, both)| *both) {
        report(key, format!("{key} and the password itself are both set: choose one"));
    }
    if cql.user.is_some() != (cql.password.is_some() || cql.password_file.is_some()) {
        report("cql.user", "cql.user and cql.password_file (or cql.password) belong together".to_owned());
    }
    if cql.cert_file.is_some() != cql.key_file.is_some() {
        report("cql.cert_file", "cql.cert_file and cql.key_file belong together".to_owned());
    }
    if let Err(problem) = crate::backends::cql::replication(cql) {
        report("cql.replication", problem);
    }
    if let Err(problem) = crate::backends::kafka::properties(kafka) {
        report("kafka.properties", problem);
    }
}

/// What to say of a key that there is not.
pub(super) fn unknown(config: &Config, section: &str, key: &str) -> String {
    if !Config::SECTIONS.contains(&section) {
        return unknown_section(section);
    }
    let keys = config.keys();
    let elsewhere = keys.iter().find(|known| known.name == key);
    let near = nearest(key, keys.iter().filter(|known| known.section == section).map(|known| known.name));
    let hint = match (elsewhere, near) {
        (Some(known), _) => format!("; it belongs to [{}]", known.section),
        (None, Some(near)) => format!("; did you mean `{near}`?"),
        (None, None) => {
            let names: Vec<&str> =
                keys.iter().filter(|known| known.section == section).map(|known| known.name).collect();
            format!("; it has {}", names.join(", "))
        }
    };
    format!("unknown key `{key}` in [{section}]{hint}")
}

/// What to say of a section that there is not.
pub(super) fn unknown_section(section: &str) -> String {
    match nearest(section, Config::SECTIONS.iter().copied()) {
        Some(near) => format!("unknown section [{section}]; did you mean [{near}]?"),
        None => format!("unknown section [{section}]; there are {}", Config::SECTIONS.join(", ")),
    }
}

/// What to say of a key that stands before any section.
pub(super) fn outside_a_section(config: &Config, name: &str) -> String {
    if Config::SECTIONS.contains(&name) {
        return format!("`{name}` is a section: write [{name}] and its keys below");
    }
    let sections: Vec<String> =
        config.keys().iter().filter(|key| key.name == name).map(|key| format!("[{}]", key.section)).collect();
    if sections.is_empty() {
        format!("`{name}` stands outside of a section; there are {}", Config::SECTIONS.join(", "))
    } else {
        format!("`{name}` stands outside of a section; it belongs to {}", sections.join(" or "))
    }
}

/// The variable that was meant by one in which an underscore is missing.
pub(super) fn one_underscore_short(config: &Config, name: &str) -> Option<String> {
    config.keys().iter().map(super::Key::variable).find(|variable| variable.replace("__", "_") == name)
}

/// The name that was probably meant.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |other: &str| strsim::damerau_levenshtein(name, other);
    known
        .map(|other| (distance(other), other))
        .min()
        .filter(|(far, other)| *far <= 1 + other.len() / 4)
        .map(|(_, other)| other)
}
