//! The `copydesk` binary: parses the command line and calls one command.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use copydesk::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        // Whoever reads our output has seen enough.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // Standard error may be gone, and then there is nobody to tell.
            let _ = writeln!(io::stderr(), "copydesk: {error:#}");
            ExitCode::FAILURE
        }
    }
}
