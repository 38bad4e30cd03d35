//! Asking again until something holds.

use std::time::{Duration, Instant};

/// How often a condition is asked for that no descriptor announces.
const INTERVAL: Duration = Duration::from_millis(50);

/// Asks `check` until it succeeds or `limit` has passed; then what it said last. It is asked at least once.
pub(crate) fn until<T, E>(limit: Duration, mut check: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let started = Instant::now();
    loop {
        let result = check();
        if result.is_ok() || started.elapsed() >= limit {
            return result;
        }
        std::thread::park_timeout(INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_success_or_with_the_last_refusal() {
        let mut asked = 0;
        let third = until(Duration::from_secs(60), || {
            asked += 1;
            if asked == 3 { Ok(asked) } else { Err(asked) }
        });
        assert_eq!(third, Ok(3));
        assert_eq!(until::<(), _>(Duration::ZERO, || Err("no")), Err("no"));
    }
}
