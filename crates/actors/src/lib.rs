//! Connections and conversations as actors.

pub mod authenticate;
