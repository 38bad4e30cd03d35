//! Ports for servers that a test starts.
//!
//! Below the range from which the kernel gives out ports for outgoing connections, and away from the fixed ones of
//! [`crate::Standing`]. A block is held by a lock on a file for as long as its [`Ports`] lives, so that tests that run
//! at the same time, in one process or many, never get the same. Who does not ask here may still take one.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};

use crate::error::ServiceError;

const FIRST: u16 = 12_000;
const BLOCKS: u16 = 600;
/// How many ports a block has.
const SIZE: u16 = 20;

/// A block of 20 ports that are free on 127.0.0.1 to 127.0.0.3.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    given: u16,
    /// Locked.
    _held: File,
}

impl Ports {
    /// Takes a block that nobody has.
    ///
    /// # Errors
    /// When all are taken, or the folder for temporary files cannot be written.
    pub fn take() -> Result<Self, ServiceError> {
        let folder = std::env::temp_dir().join("causerie-ports");
        let failed = || ServiceError::io(format!("cannot take ports in {}", folder.display()));
        fs::create_dir_all(&folder).map_err(failed())?;
        for block in 0..BLOCKS {
            let held = File::create(folder.join(block.to_string())).map_err(failed())?;
            let first = FIRST + block * SIZE;
            if held.try_lock().is_ok() && (first..first + SIZE).all(is_free) {
                return Ok(Self { first, given: 0, _held: held });
            }
        }
        Err(ServiceError::PortTaken { address: format!("every block of ports from {FIRST}") })
    }

    /// Another port of the block.
    ///
    /// # Panics
    /// When all 20 have been given.
    pub fn another(&mut self) -> u16 {
        assert!(self.given < SIZE, "a block has {SIZE} ports");
        self.given += 1;
        self.first + self.given - 1
    }
}

fn is_free(port: u16) -> bool {
    (1..=3).all(|last| TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_blocks_share_a_port_and_each_is_given_back() {
        let mut first = Ports::take().unwrap();
        let mut second = Ports::take().unwrap();
        let ports: Vec<u16> = (0..SIZE).map(|_| first.another()).collect();
        assert!(!ports.contains(&second.another()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, ports[3])).unwrap();
        drop(first);
        let third = Ports::take().unwrap();
        assert!(!(third.first..third.first + SIZE).contains(&ports[3]), "somebody listens there");
        drop(listener);
    }
}
