//! The `usm` command under a name of its own, so that the tests here can start and kill it.

fn main() -> std::process::ExitCode {
    usm_app::cli::main()
}
