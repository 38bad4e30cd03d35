//! How a test finds the services that stay up, and what it does where there are none.

use std::io::Write as _;

use crate::standing::Standing;

/// Set to `required` where services must be there: a test that would be skipped fails instead.
const VARIABLE: &str = "CAUSERIE_TEST_SERVICES";

/// Where `service` is, each as `host:port`. `None` where it is not: the test is to be skipped, and a line says so.
///
/// # Panics
/// When it is not there and services are required.
#[must_use]
pub fn addresses(service: Standing) -> Option<Vec<String>> {
    let variable = service.variable();
    match std::env::var(variable) {
        Ok(addresses) if !addresses.is_empty() => {
            Some(addresses.split(',').map(|address| address.trim().to_owned()).collect())
        }
        _ => {
            skip(&format!("{variable} is not set (cargo xtask services up {})", service.name()));
            None
        }
    }
}

/// Whether a test may start servers of this kind of its own: where one stays up for the others, or services are
/// required. Otherwise the test is to be skipped, and a line says so.
#[must_use]
pub fn may_start(service: Standing) -> bool {
    let may = is_required() || std::env::var_os(service.variable()).is_some();
    if !may {
        skip(&format!("starts its own {0} only where {1} is set", service.name(), service.variable()));
    }
    may
}

fn is_required() -> bool {
    std::env::var(VARIABLE).is_ok_and(|value| value == "required")
}

/// Past the capture of the test harness, which would swallow the line of a test that passes.
fn skip(why: &str) {
    assert!(!is_required(), "{VARIABLE} says that services are required, and {why}");
    let thread = std::thread::current();
    // A test is not failed for the want of somebody to read this.
    let _ = writeln!(std::io::stderr(), "skipped {}: {why}", thread.name().unwrap_or_default());
}
