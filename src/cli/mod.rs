//! The command line: one file a command.
//!
//! Each command is a `pub struct Args` and a `pub fn run` that takes them, and the configuration where it needs it, and
//! answers with the exit code: 0 it is done, 1 it is not, 2 the command line was wrong.

pub mod check;
pub mod completions;
pub mod demo;
pub mod diff_rules;
pub mod evaluate;
pub mod explain;
pub mod forget;
pub mod labels;
pub mod man;
pub mod mine;
pub mod process;
mod read;
mod record;
pub mod replay;
pub mod run;
pub mod tap;
pub mod topics;
pub mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::config::{Config, ConfigError};
use crate::edit::Desk;
use crate::stream::topics::{Broker, Role};

const EXAMPLES: &str = "\
Begin here:
  copydesk demo                          the whole flow, nothing to install
  copydesk process --explain story.txt   one item, line by line

On your archive:
  copydesk evaluate gold.jsonl           how good is it on labelled items?
  copydesk mine archive.ndjson           which furniture has no rule yet?

On your Kafka:
  copydesk topics --create               create the six topics
  copydesk check --connect               would it run here?
  copydesk run                           run it; SIGTERM drains and ends it
  copydesk verify                        did every item end in one place?
  copydesk tap rejected --from 1h        watch a topic, live or from back then
  copydesk replay --reason no_copy       feed dead letters again
  copydesk forget HASH                   let a content through again

Before new rules go live:
  copydesk diff-rules builtin rules/ items.ndjson
  copydesk run --shadow                  the live traffic, without output

Every key of the configuration, with its default, stands in
config/copydesk.toml. The environment overrides it:
  COPYDESK_KAFKA_BROKERS=kafka-1:9092,kafka-2:9092 copydesk run";

/// Raw news wire items in from Kafka, clean and unique ninjs articles out, exactly once
#[derive(Debug, clap::Parser)]
#[command(name = "copydesk", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
struct Global {
    /// The configuration file; without it, COPYDESK_CONFIG names it, else the defaults apply
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Run(run::Args),
    Demo(demo::Args),
    Process(process::Args),
    Evaluate(evaluate::Args),
    Mine(mine::Args),
    DiffRules(diff_rules::Args),
    Check(check::Args),
    Topics(topics::Args),
    Tap(tap::Args),
    Replay(replay::Args),
    Forget(forget::Args),
    Completions(completions::Args),
    Man(man::Args),
    Verify(verify::Args),
}

impl Cli {
    /// Runs the command that was asked for.
    ///
    /// # Errors
    /// Whatever stopped it, said for the person at the terminal.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Run(args) => run::run(&args, &self.global.load()?, move || self.global.load()),
            Command::Demo(args) => demo::run(&args),
            Command::Process(args) => process::run(&args, &self.global.load()?),
            Command::Evaluate(args) => evaluate::run(&args, &self.global.load()?),
            Command::Mine(args) => mine::run(&args, &self.global.load()?),
            Command::Check(args) => check::run(&args, self.global.file().as_deref(), self.global.load()),
            Command::Topics(args) => topics::run(&args, &self.global.load()?),
            Command::DiffRules(args) => diff_rules::run(&args, &self.global.load()?),
            Command::Tap(args) => tap::run(&args, &self.global.load()?),
            Command::Replay(args) => replay::run(&args, &self.global.load()?),
            Command::Forget(args) => forget::run(&args, &self.global.load()?),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
            Command::Verify(args) => verify::run(&args, &self.global.load()?),
        }
    }
}

impl Global {
    fn file(&self) -> Option<PathBuf> {
        let from_environment =
            || std::env::var_os("COPYDESK_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        self.config.clone().or_else(from_environment)
    }

    fn load(&self) -> Result<Config, ConfigError> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Config::load(self.file().as_deref(), std::env::vars_os().filter_map(text))
    }
}

/// The edit desk with the configured rules.
fn desk(config: &Config) -> anyhow::Result<Desk> {
    let desk = match config.edit.rules.as_str() {
        "" => Desk::builtin(),
        directory => Desk::load(Path::new(directory)),
    };
    desk.context("the rules of the edit desk")
}

/// How long the brokers get to say which topics there are.
const PATIENCE: Duration = Duration::from_secs(10);

/// The partitions of the topic of `role`: those of `wanted`, or all.
fn partitions(config: &Config, role: Role, wanted: &[i32]) -> anyhow::Result<Vec<i32>> {
    let topic = role.topic(&config.topics);
    let survey = Broker::new(config, PATIENCE)?.survey()?;
    let Some(found) = survey.topics.get(&role) else {
        bail!("{topic} does not exist, or we may not see it: `copydesk check --connect` tells more");
    };
    if let Some(missing) = wanted.iter().find(|wanted| !(0..found.partitions).contains(wanted)) {
        bail!("{topic} has no partition {missing}: there are 0 to {}", found.partitions - 1);
    }
    Ok(if wanted.is_empty() { (0..found.partitions).collect() } else { wanted.to_vec() })
}
