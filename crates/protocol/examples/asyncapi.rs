//! Prints the AsyncAPI document.
fn main() {}
