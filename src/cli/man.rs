//! `copydesk man`: the manual pages, made of the same text as the help.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::CommandFactory;

use super::Cli;

/// Write the manual page, of one command or of all
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  copydesk man | man -l -              read it
  copydesk man replay | man -l -
  copydesk man --dir /usr/local/share/man/man1")]
pub struct Args {
    /// The page of this command; without it, the overview
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Option<String>,

    /// Write every page into this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// A command that does not exist, or a page that cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut overview = Cli::command().disable_help_subcommand(true);
    overview.build();
    if let Some(dir) = &args.dir {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        clap_mangen::generate_to(overview, dir).with_context(|| format!("cannot write to {}", dir.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let page = match &args.command {
        None => overview,
        Some(name) => match overview.find_subcommand(name) {
            Some(command) => command.clone(),
            None => bail!("there is no command `{name}`; `copydesk --help` lists them"),
        },
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    io::Write::write_all(&mut io::stdout(), &text)?;
    Ok(ExitCode::SUCCESS)
}
