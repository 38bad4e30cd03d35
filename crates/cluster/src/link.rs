//! How bytes reach another node.

/// The life of one node in a cluster: a process that starts again is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u128);

/// Why an entry was not taken. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// There is no link to that node.
    #[error("no link to that node")]
    NoLink,
}

/// The links of one node to the others.
pub trait Links: Send + Sync + 'static {
    /// Hands bytes to the link to a node; they arrive there once and in order, or the link reports its end.
    ///
    /// # Errors
    /// [`LinkError`] when the node cannot be reached; nothing was sent.
    fn send(&self, to: Incarnation, entry: Vec<u8>) -> Result<(), LinkError>;
}

/// The embedded answer: there is no other node.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLinks;

impl Links for NoLinks {
    fn send(&self, _: Incarnation, _: Vec<u8>) -> Result<(), LinkError> {
        Err(LinkError::NoLink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_node_reaches_no_other() {
        assert_eq!(NoLinks.send(Incarnation(1), Vec::new()), Err(LinkError::NoLink));
    }
}
