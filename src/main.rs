//! The `copydesk` binary: parses the command line and calls one command.

use clap::Parser;
#[derive(Parser)]
enum Cmd { Demo(copydesk::cli::demo::Args) }
fn main() -> anyhow::Result<std::process::ExitCode> { let Cmd::Demo(a) = Cmd::parse(); copydesk::cli::demo::run(&a) }
