//! `provisiond`.

fn main() -> std::process::ExitCode {
    provisiond::cli::main()
}
