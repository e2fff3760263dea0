//! `rounds-server`: the platform and its operator's commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    rounds_server::commands::main()
}
