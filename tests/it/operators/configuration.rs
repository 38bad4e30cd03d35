//! Configuration: what is wrong is refused with its place and a suggestion; what can be reloaded is.

use crate::support::frames::direct;
use crate::support::program;
use crate::support::server::{Folder, Server, Signal};
use crate::support::socket::Socket;

/// What the program says to a configuration file, and whether it went on.
async fn check(content: &str) -> (bool, String) {
    let folder = Folder::new();
    let file = folder.write("causerie.toml", content).display().to_string();
    let data = folder.data().display().to_string();
    let checked = program::run(&["check-config", &file]).await;
    let served = if checked.status.success() {
        checked.status
    } else {
        let serve = ["serve", "--config", &file, "--data", &data, "--listen", "127.0.0.1:0"];
        let served = program::run(&serve).await;
        assert!(!folder.data().exists(), "nothing was begun with {content}");
        served.status
    };
    assert_eq!(checked.status.success(), served.success());
    (checked.status.success(), format!("{}{}", checked.stdout, checked.stderr))
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_with_its_place_and_a_suggestion() {
    for (content, words) in [
        ("[limits]\nbody_bites = 7\n", vec!["causerie.toml:2:", "body_bites", "body_bytes"]),
        ("[limit]\nbody_bytes = 1024\n", vec!["causerie.toml:1:", "limits"]),
        ("[limits]\nbody_bytes = 7\n", vec!["causerie.toml:2:", "256"]),
        ("[limits]\nbody_bytes = \"many\"\n", vec!["causerie.toml:2:", "many"]),
        ("[limits]\nbody_bytes = \n", vec!["causerie.toml:2:"]),
        ("[presence]\nttl_s = 20\nheartbeat_s = 30\n", vec!["causerie.toml:", "heartbeat_s"]),
        ("[auth]\njwks_url = \"http://id.example/keys\"\n", vec!["causerie.toml:2:", "https://"]),
        ("[tls]\ncert_file = \"/nowhere.pem\"\n", vec!["causerie.toml:2:", "key_file"]),
    ] {
        let (accepted, said) = check(content).await;
        assert!(!accepted, "{content}");
        for word in words {
            assert!(said.contains(word), "{content} was answered without {word:?}: {said}");
        }
    }
    let (accepted, said) = check("[limits]\nbody_bites = 7\n[presence]\nttl = 3\n").await;
    assert!(!accepted && said.contains("body_bites") && said.contains("ttl_s"), "all at once: {said}");
    assert!(check("[limits]\nbody_bytes = 1024\n").await.0);
}

#[tokio::test]
async fn wrong_settings_of_the_command_line_and_the_environment_are_refused_too() {
    let folder = Folder::new();
    let data = folder.data().display().to_string();
    let set = program::run(&["serve", "--data", &data, "--set", "limits.body_bites=7"]).await;
    assert!(!set.status.success() && set.stderr.contains("body_bytes"), "{set:?}");
    let mut command = program::command();
    command.args(["serve", "--data", &data]).env("CAUSERIE_LIMITS__BODY_BYTES", "many");
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("CAUSERIE_LIMITS__BODY_BYTES"), "{said}");
}

#[tokio::test]
async fn what_can_be_reloaded_is_and_what_is_wrong_changes_nothing() {
    let folder = Folder::new();
    folder.write("causerie.toml", "[server]\npublic_origins = [\"https://one.example\"]\n");
    let server = Server::start_in(folder, &[]).await;
    let accepts = async |origin: &str| Socket::open_with(&server, &[("Origin", origin)]).await.is_ok();
    assert!(accepts("https://one.example").await && !accepts("https://two.example").await);
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;

    let two = "[server]\npublic_origins = [\"https://two.example\"]\n";
    server.folder().write("causerie.toml", two);
    server.signal(Signal::HUP);
    server.says("reloaded", 1).await;
    assert!(!accepts("https://one.example").await && accepts("https://two.example").await);
    server.folder().write("causerie.toml", "[server]\npublic_origin = []\n");
    server.signal(Signal::HUP);
    server.says("the old one stays", 1).await;
    assert!(accepts("https://two.example").await);
    server.folder().write("causerie.toml", format!("{two}[limits]\nbody_bytes = 1024\n"));
    server.signal(Signal::HUP);
    server.says("needs a restart", 1).await;
    alice.create(direct("bob")).await;
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let server = Server::start().await;
    let data = server.folder().data().display().to_string();
    let serve = ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--set", "admin.listen=127.0.0.1:0"];
    let second = program::run(&serve).await;
    assert!(!second.status.success(), "{second:?}");
    assert!(second.stderr.contains(&data), "it says which folder: {}", second.stderr);
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    alice.create(direct("bob")).await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let server = Server::start().await;
    let folder = Folder::new();
    let data = folder.data().display().to_string();
    let listen = server.addresses().public.to_string();
    let serve = ["serve", "--data", &data, "--listen", &listen, "--set", "admin.listen=127.0.0.1:0"];
    let second = program::run(&serve).await;
    assert!(!second.status.success() && second.stderr.contains(&listen), "{second:?}");
}
