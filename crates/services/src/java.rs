//! The Java that Cassandra runs on.
//!
//! Only Java 17: Cassandra 5.0 ends at once on the newest, whose security manager is gone. So it is looked for, and
//! another that comes first on the path is passed over.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::error::ServiceError;

const VERSION: &str = "17";

/// A Java 17, wherever it is: `JAVA_HOME`, the path, or where distributions put it.
///
/// # Errors
/// [`ServiceError::Missing`] when there is none.
pub fn find() -> Result<PathBuf, ServiceError> {
    candidates()
        .into_iter()
        .find(is_right)
        .ok_or(ServiceError::Missing { what: "Java 17", package: "openjdk-17-jre-headless" })
}

fn candidates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java")).into_iter().collect();
    found.push("java".into());
    for entry in fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().contains(VERSION) {
            found.push(entry.path().join("bin/java"));
        }
    }
    found
}

fn is_right(java: &PathBuf) -> bool {
    let said = Command::new(java).arg("-version").output();
    said.is_ok_and(|output| output.status.success() && is_version(&String::from_utf8_lossy(&output.stderr)))
}

/// The first line is `openjdk version "17.0.15" 2025-04-15`.
fn is_version(said: &str) -> bool {
    let quoted = said.split('"').nth(1).unwrap_or_default();
    quoted.split('.').next() == Some(VERSION)
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn only_the_first_number_of_the_version_counts() {
        assert!(is_version("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment"));
        assert!(!is_version("openjdk version \"25.0.1\" 2025-10-21"));
        assert!(!is_version("java version \"1.8.0_17\""));
        assert!(!is_version(""));
    }
}
