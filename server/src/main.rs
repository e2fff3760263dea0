//! `rounds-server`: the platform and its operator's commands.

use std::process::ExitCode;

/// Requests are answered on any thread and made of many small pieces: the system's allocator takes
/// a noticeable part of their time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rounds_server::commands::main()
}
