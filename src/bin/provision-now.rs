//! `provision-now`: the same program under the name that people type.

fn main() -> std::process::ExitCode {
    provisiond::cli::main()
}
