//! The jars of Cassandra and Kafka: fetched once, checked before each use.
//!
//! A `pom.xml` names the versions, a list of SHA-256 next to it the jars that they are made of, with all that comes
//! along. Maven fetches them from wherever it is set up to; what it brings is compared with the list, file by file,
//! none missing and none too many, when it arrives and again whenever a service starts from the cache. What differs
//! is never run. The folder in the cache is named by what was pinned: another version is another folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use crate::error::ServiceError;
use crate::home::Home;

/// A set of jars.
#[derive(Clone, Copy, Debug)]
pub struct Pinned {
    /// Of what.
    pub name: &'static str,
    /// What is asked for.
    pub pom: &'static str,
    /// What must come: lines as `sha256sum` writes them.
    pub hashes: &'static str,
}

/// All sets.
pub const ALL: [Pinned; 2] = [CASSANDRA, KAFKA];
/// Cassandra's.
pub const CASSANDRA: Pinned = Pinned {
    name: "cassandra",
    pom: include_str!("cassandra/pom.xml"),
    hashes: include_str!("cassandra/jars.sha256"),
};
/// Kafka's.
pub const KAFKA: Pinned =
    Pinned { name: "kafka", pom: include_str!("kafka/pom.xml"), hashes: include_str!("kafka/jars.sha256") };

/// The folder with the jars of `pinned`, checked just now. Fetches them if they are not there.
///
/// # Errors
/// When they cannot be fetched, or differ from what was pinned: then the folder must not be used.
pub fn ready(pinned: Pinned, home: &Home) -> Result<PathBuf, ServiceError> {
    let all = home.jars();
    let folder = all.join(format!("{}-{}", pinned.name, &digest(&[pinned.pom, pinned.hashes])[..16]));
    let failed = || ServiceError::io(format!("cannot keep jars in {}", all.display()));
    fs::create_dir_all(&all).map_err(failed())?;
    // Held until the end of this function: one fetches, the others find what it has fetched.
    let lock = File::create(all.join(format!("{}.lock", pinned.name))).map_err(failed())?;
    lock.lock().map_err(failed())?;
    if !folder.exists() {
        let fetched = all.join(format!("{}.fetching", pinned.name));
        fetch(pinned, &fetched)?;
        check(pinned.hashes, &fetched)?;
        fs::rename(&fetched, &folder).map_err(failed())?;
    }
    check(pinned.hashes, &folder)?;
    Ok(folder)
}

/// The list of hashes of what `pinned` asks for today, to be reviewed and checked in.
///
/// # Errors
/// When the jars cannot be fetched.
pub fn list(pinned: Pinned, home: &Home) -> Result<String, ServiceError> {
    let folder = home.jars().join(format!("{}.listing", pinned.name));
    fetch(pinned, &folder)?;
    let hashes = hashes_of(&folder);
    fs::remove_dir_all(&folder).map_err(ServiceError::io("cannot remove the jars that were listed"))?;
    Ok(hashes?.iter().map(|(file, hash)| format!("{hash}  {file}\n")).collect())
}

/// Maven brings the jars into an empty `folder`, and refuses what differs from its registry's own checksums.
fn fetch(pinned: Pinned, folder: &Path) -> Result<(), ServiceError> {
    let failed = || ServiceError::io(format!("cannot fetch into {}", folder.display()));
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed())?;
    }
    fs::create_dir_all(folder).map_err(failed())?;
    // Beside the folder: in it are jars alone.
    let pom = folder.with_extension("pom.xml");
    fs::write(&pom, pinned.pom).map_err(failed())?;
    let mut maven = Command::new("mvn");
    maven.args(["--batch-mode", "--quiet", "--strict-checksums", "--file"]).arg(&pom);
    maven.args(["dependency:copy-dependencies", "-DincludeScope=runtime"]);
    maven.arg(format!("-DoutputDirectory={}", folder.display())).stdin(Stdio::null());
    let output = match maven.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ServiceError::Missing { what: "Maven", package: "maven" });
        }
        output => output.map_err(failed())?,
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("ERROR")).take(5).collect();
    Err(ServiceError::Fetch { name: pinned.name, why: lines.join("\n") })
}

/// Compares a folder with a list.
fn check(list: &str, folder: &Path) -> Result<(), ServiceError> {
    let differs = |file: &str, why: String| ServiceError::NotPinned { file: folder.join(file), why };
    let mut found = hashes_of(folder)?;
    for line in list.lines() {
        let (expected, file) =
            line.split_once("  ").ok_or_else(|| differs("", format!("the list has a line `{line}`")))?;
        match found.remove(file) {
            None => return Err(differs(file, "it is missing".into())),
            Some(hash) if hash != expected => {
                return Err(differs(file, format!("its SHA-256 is {hash}, pinned is {expected}")));
            }
            Some(_) => {}
        }
    }
    match found.into_keys().next() {
        Some(file) => Err(differs(&file, "it is not on the list".into())),
        None => Ok(()),
    }
}

/// The hash of each file.
fn hashes_of(folder: &Path) -> Result<BTreeMap<String, String>, ServiceError> {
    let failed = || ServiceError::io(format!("cannot read {}", folder.display()));
    let mut hashes = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let mut hash = Sha256::new();
        let mut file = File::open(entry.path()).map_err(failed())?;
        io::copy(&mut file, &mut hash).map_err(failed())?;
        hashes.insert(entry.file_name().to_string_lossy().into_owned(), format!("{:x}", hash.finalize()));
    }
    Ok(hashes)
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    format!("{:x}", hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    const PIN: Pinned = Pinned {
        name: "sample",
        pom: "<project/>",
        // Of `one` and `two`.
        hashes: "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed  a.jar\n\
                 3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3  b.jar\n",
    };

    /// A cache in which the sample lies as if it had been fetched.
    fn cached(label: &str) -> (Scratch, Home, PathBuf) {
        let scratch = Scratch::new(label).unwrap();
        let home = Home::at(scratch.path().to_owned());
        let folder = home.jars().join(format!("sample-{}", &digest(&[PIN.pom, PIN.hashes])[..16]));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.jar"), "one").unwrap();
        fs::write(folder.join("b.jar"), "two").unwrap();
        (scratch, home, folder)
    }

    #[test]
    fn what_was_pinned_is_found_in_the_cache() {
        let (_scratch, home, folder) = cached("jars-good");
        assert_eq!(ready(PIN, &home).unwrap(), folder);
    }

    #[test]
    fn a_changed_a_missing_and_an_additional_jar_are_refused_by_name() {
        let (_scratch, home, folder) = cached("jars-bad");
        let refused = |expected: &str| match ready(PIN, &home) {
            Err(ServiceError::NotPinned { file, .. }) => assert!(file.ends_with(expected), "{file:?}"),
            other => panic!("{expected}: {other:?}"),
        };
        fs::write(folder.join("b.jar"), "twO").unwrap();
        refused("b.jar");
        fs::remove_file(folder.join("b.jar")).unwrap();
        refused("b.jar");
        fs::write(folder.join("b.jar"), "two").unwrap();
        fs::write(folder.join("c.jar"), "three").unwrap();
        refused("c.jar");
        fs::remove_file(folder.join("c.jar")).unwrap();
        ready(PIN, &home).unwrap();
    }

    #[test]
    fn the_checked_in_lists_are_whole() {
        for pinned in ALL {
            assert!(pinned.hashes.lines().count() > 40, "{}", pinned.name);
            for line in pinned.hashes.lines() {
                let (hash, file) = line.split_once("  ").unwrap();
                assert!(hash.len() == 64 && file.ends_with(".jar"), "{line}");
            }
        }
    }
}
