//! What a key accepts: how a value of it is read, described and written.

use std::fmt::Display;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::origin::Origin;
use super::raw::Raw;
use super::secret::Secret;

/// How the values of one key are read and written.
pub(super) trait Kind {
    /// What a value is in the program.
    type Value;

    /// What is accepted, as it stands after "expected".
    fn accepted(&self) -> String;

    /// Reads a value; `None` when it is not accepted.
    fn read(&self, raw: Raw<'_>) -> Option<Self::Value>;

    /// The value as TOML; `None` when it is not set.
    fn show(&self, value: &Self::Value) -> Option<String>;

    /// Whether a value of it must not be repeated in an error.
    fn secret(&self) -> bool {
        false
    }
}

/// A kind made of a reader, a writer and a description.
struct Simple<T, R, S> {
    accepted: String,
    read: R,
    show: S,
    value: PhantomData<T>,
}

impl<T, R, S> Kind for Simple<T, R, S>
where
    R: Fn(Raw<'_>) -> Option<T>,
    S: Fn(&T) -> String,
{
    type Value = T;

    fn accepted(&self) -> String {
        self.accepted.clone()
    }

    fn read(&self, raw: Raw<'_>) -> Option<T> {
        (self.read)(raw)
    }

    fn show(&self, value: &T) -> Option<String> {
        Some((self.show)(value))
    }
}

fn simple<T>(
    accepted: impl Into<String>,
    read: impl Fn(Raw<'_>) -> Option<T>,
    show: impl Fn(&T) -> String,
) -> impl Kind<Value = T> {
    Simple { accepted: accepted.into(), read, show, value: PhantomData }
}

/// A text as TOML writes it.
fn quoted<T: Display + ?Sized>(text: &T) -> String {
    serde_json::Value::String(text.to_string()).to_string()
}

/// A whole number in a range.
pub(super) fn number<T>(range: RangeInclusive<T>) -> impl Kind<Value = T>
where
    T: TryFrom<i128> + PartialOrd + Display + Copy,
{
    let accepted = format!("a whole number from {} to {}", range.start(), range.end());
    let read = move |raw: Raw<'_>| T::try_from(raw.integer()?).ok().filter(|value| range.contains(value));
    simple(accepted, read, T::to_string)
}

/// A whole number of seconds in a range.
pub(super) fn seconds(range: RangeInclusive<u64>) -> impl Kind<Value = Duration> {
    let whole = number(range);
    let accepted = format!("{} (seconds)", whole.accepted());
    simple(accepted, move |raw| whole.read(raw).map(Duration::from_secs), |value| value.as_secs().to_string())
}

/// A text that is not empty.
pub(super) fn text() -> impl Kind<Value = String> {
    simple("a text", |raw| raw.text().filter(|text| !text.is_empty()).map(str::to_owned), quoted)
}

/// A path.
pub(super) fn path() -> impl Kind<Value = PathBuf> {
    let read = |raw: Raw<'_>| raw.text().filter(|text| !text.is_empty()).map(PathBuf::from);
    simple("a path", read, |value: &PathBuf| quoted(&value.display()))
}

/// An address and a port.
pub(super) fn address() -> impl Kind<Value = SocketAddr> {
    let accepted = "an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"";
    simple(accepted, |raw| raw.text()?.parse().ok(), quoted)
}

/// The address of a web service.
pub(super) fn url() -> impl Kind<Value = String> {
    let read = |raw: Raw<'_>| {
        let text = raw.text()?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let clean = !rest.is_empty() && !rest.starts_with('/') && !rest.contains([' ', '@', '#']);
        clean.then(|| text.to_owned())
    };
    simple("an address that begins with https:// or http://", read, quoted)
}

/// A web page's origin.
pub(super) fn origin() -> impl Kind<Value = Origin> {
    let accepted = "an origin as browsers send it, such as \"https://chat.example.org\", in lower case and without a path";
    simple(accepted, |raw| Origin::parse(raw.text()?), quoted)
}

/// Which log lines are written.
pub(super) fn log_filter() -> impl Kind<Value = String> {
    let read = |raw: Raw<'_>| {
        let text = raw.text()?;
        tracing_subscriber::EnvFilter::builder().parse(text).ok().map(|_| text.to_owned())
    };
    simple("levels such as \"info\" or \"info,ractor=warn\"", read, quoted)
}

/// Something that must not be seen.
pub(super) fn secret() -> impl Kind<Value = Secret> {
    SecretKind
}

struct SecretKind;

impl Kind for SecretKind {
    type Value = Secret;

    fn accepted(&self) -> String {
        "a text, which is not shown".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Secret> {
        raw.text().filter(|text| !text.is_empty()).map(|text| Secret::new(text.as_bytes()))
    }

    fn show(&self, _: &Secret) -> Option<String> {
        None
    }

    fn secret(&self) -> bool {
        true
    }
}

/// One of a few words.
pub(super) trait Choice: Copy + PartialEq + 'static {
    /// Every word and what it means.
    const ALL: &'static [(&'static str, Self)];
}

/// One of the words of `T`.
pub(super) fn choice<T: Choice>() -> impl Kind<Value = T> {
    let words: Vec<String> = T::ALL.iter().map(|(word, _)| quoted(word)).collect();
    let read = |raw: Raw<'_>| {
        let text = raw.text()?;
        T::ALL.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    };
    let show = |value: &T| T::ALL.iter().find(|(_, other)| other == value).map(|(word, _)| quoted(word));
    simple(words.join(" or "), read, move |value| show(value).unwrap_or_default())
}

/// A value that may be left out. From a variable or `--set`, an empty text takes it away again.
pub(super) fn optional<K: Kind>(kind: K) -> impl Kind<Value = Option<K::Value>> {
    Optional(kind)
}

struct Optional<K>(K);

impl<K: Kind> Kind for Optional<K> {
    type Value = Option<K::Value>;

    fn accepted(&self) -> String {
        self.0.accepted()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Self::Value> {
        if matches!(raw, Raw::Text("")) { Some(None) } else { self.0.read(raw).map(Some) }
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        self.0.show(value.as_ref()?)
    }

    fn secret(&self) -> bool {
        self.0.secret()
    }
}

/// A list. From a variable or `--set`, its parts are set apart by commas.
pub(super) fn list<K: Kind>(kind: K) -> impl Kind<Value = Vec<K::Value>> {
    List(kind)
}

struct List<K>(K);

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    fn accepted(&self) -> String {
        format!("a list, each of it {}", self.0.accepted())
    }

    fn read(&self, raw: Raw<'_>) -> Option<Self::Value> {
        raw.parts()?.into_iter().map(|part| self.0.read(part)).collect()
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        let parts: Vec<String> = value.iter().filter_map(|part| self.0.show(part)).collect();
        Some(format!("[{}]", parts.join(", ")))
    }

    fn secret(&self) -> bool {
        self.0.secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<K: Kind>(kind: &K, text: &str, expected: Option<&str>) {
        let shown = kind.read(Raw::Text(text)).map(|value| kind.show(&value).unwrap_or_default());
        assert_eq!(shown.as_deref(), expected, "{text:?} as {}", kind.accepted());
    }

    #[test]
    fn each_kind_reads_what_it_says_and_nothing_else() {
        check(&number(1..=4_u8), "3", Some("3"));
        for bad in ["0", "5", "-1", "300", "1.5", "x", "", "99999999999999999999999999999999999999999"] {
            check(&number(1..=4_u8), bad, None);
        }
        check(&number(0..=u64::MAX), "18_446_744_073_709_551_615", Some("18446744073709551615"));
        check(&seconds(5..=300), "30", Some("30"));
        check(&seconds(5..=300), "301", None);
        check(&address(), "[::1]:8080", Some("\"[::1]:8080\""));
        for bad in ["8080", "localhost:8080", "127.0.0.1", "127.0.0.1:99999"] {
            check(&address(), bad, None);
        }
        check(&url(), "https://id.example.org/keys", Some("\"https://id.example.org/keys\""));
        for bad in ["id.example.org", "ftp://a", "https://", "https:///x", "https://user:word@a/"] {
            check(&url(), bad, None);
        }
        check(&log_filter(), "info,ractor=warn", Some("\"info,ractor=warn\""));
        check(&log_filter(), "causerie=loud", None);
        check(&text(), "", None);
        check(&list(text()), "a, b,", Some("[\"a\", \"b\"]"));
        check(&list(number(1..=4_u8)), "1,9", None);
        check(&optional(text()), "", Some(""));
    }
}
