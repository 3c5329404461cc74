//! The `usm` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    usm_app::cli::main()
}
