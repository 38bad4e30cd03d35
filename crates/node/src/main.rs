//! The command `causerie`.

use std::process::ExitCode;

/// A quarter less processor time under load than the C library's.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    causerie_node::cli::main()
}
