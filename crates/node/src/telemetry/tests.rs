//! Lines and spans, as they leave the process.

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::*;

/// Where a test's lines go.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn levels_change_while_the_server_runs() {
    let lines = Lines::default();
    let (subscriber, telemetry) = build(&config::Telemetry::default(), lines.clone(), false).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(connection = 7, "opened");
        tracing::debug!("hidden");
        tracing::info!(target: "ractor", "hidden too");
        telemetry.set_log("debug").unwrap();
        tracing::debug!("shown");
        assert!(telemetry.set_log("causerie=loud").is_err());
        tracing::debug!("still shown");
    });
    let text = lines.text();
    assert!(
        text.contains("opened connection=7") && text.contains(" shown") && text.contains("still shown"),
        "{text}"
    );
    assert!(!text.contains("hidden") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn json_is_one_object_a_line_with_its_spans() {
    let lines = Lines::default();
    let config = config::Telemetry { log_format: LogFormat::Json, ..config::Telemetry::default() };
    let (subscriber, _telemetry) = build(&config, lines.clone(), false).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!("connection", id = 7).entered();
        tracing::warn!(code = "busy", "refused");
    });
    let object: serde_json::Value = serde_json::from_str(lines.text().trim_end()).unwrap();
    assert_eq!(
        (&object["level"], &object["message"], &object["code"]),
        (&"WARN".into(), &"refused".into(), &"busy".into())
    );
    assert_eq!(object["span"]["id"], 7);
}

#[cfg(feature = "otlp")]
#[test]
fn spans_reach_a_collector() {
    use std::io::Read;
    use std::net::TcpListener;

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = config::Telemetry {
        otlp_endpoint: Some(format!("http://{address}")),
        otlp_service_name: "causerie-test".to_owned(),
        otlp_sample_percent: 100,
        ..config::Telemetry::default()
    };
    let collector = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        // The batch is small: its head and body are complete when the names are there.
        while !contains(&request, "causerie-test") || !contains(&request, "one-message") {
            let mut part = [0; 4_096];
            let read = stream.read(&mut part).unwrap();
            assert!(read > 0, "the request ended early");
            request.extend_from_slice(&part[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        request
    });
    let (subscriber, telemetry) = build(&config, Lines::default(), false).unwrap();
    // At the level of the server's own spans, which the default of `telemetry.log` writes no lines of.
    tracing::subscriber::with_default(subscriber, || drop(tracing::debug_span!("one-message").entered()));
    telemetry.shutdown();
    // A collector that nothing has come to would wait for ever: this ends its wait, and fails it.
    drop(std::net::TcpStream::connect(address));
    let request = collector.join().unwrap();
    assert!(request.starts_with(b"POST /v1/traces HTTP/1.1\r\n"));
}

#[cfg(feature = "otlp")]
fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A span costs something for each message.
#[test]
fn without_a_collector_no_span_is_made_that_nobody_sees() {
    let (subscriber, telemetry) = build(&config::Telemetry::default(), Lines::default(), false).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        let span = || tracing::debug_span!(target: "causerie_actors", "connection");
        assert!(span().is_disabled());
        telemetry.set_log("debug").unwrap();
        assert!(!span().is_disabled(), "lines at this level have them");
    });
}
