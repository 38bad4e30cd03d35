//! Durations as people write them.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo, Unit};

/// Reads `90s`, `15m`, `1h`, `12h 30m`, `7d`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse::<Span>()
        .and_then(|span| span.total((Unit::Second, SpanRelativeTo::days_are_24_hours())))
        .map_err(|_| "expected a duration such as 90s, 15m, 1h or 7d".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration >= Duration::from_secs(1) => Ok(duration),
        _ => Err("expected at least a second".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in
            [("90s", 90), ("15m", 900), ("1h", 3_600), ("12h 30m", 45_000), ("7d", 604_800)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "1", "h", "-1h", "0s", "1 fortnight", "1mo"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
