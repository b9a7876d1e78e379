//! `copydesk topics`: the six topics as they are, what is wrong with them, and their creation.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;

use crate::config::Config;
use crate::stream::topics::rules::{self, Wishes};
use crate::stream::topics::{Broker, Role, Survey, Topic};

/// How long the brokers get for each answer.
const PATIENCE: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "\
Examples:
  copydesk topics            is everything there and right?
  copydesk topics --create   12 partitions, 3 replicas
  copydesk topics --create --partitions 4 --replication 1
                             for a single broker

The normalized and the seen topic always get the same partitions. Their
number bounds how many workers can share the work, and cannot be changed
later without starting the dedup window anew.";

/// Check the six topics against what copydesk needs, or create them
///
/// Exit code 1 when a topic is missing or would break a guarantee.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Create the topics that are missing; existing ones are never changed
    #[arg(long)]
    create: bool,

    /// Partitions of each topic to create
    #[arg(long, value_name = "N", default_value_t = 12, requires = "create", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,

    /// Brokers that hold each partition of a topic to create
    #[arg(long, value_name = "N", default_value_t = 3, requires = "create", value_parser = clap::value_parser!(i32).range(1..))]
    replication: i32,

    /// Hours a raw topic to create keeps its items; the internal topics to create follow the raw topic
    #[arg(long, value_name = "HOURS", default_value_t = 168, requires = "create", value_parser = clap::value_parser!(u32).range(1..))]
    raw_retention: u32,
}

/// Runs the command.
///
/// # Errors
/// Brokers that do not answer or refuse to create a topic.
pub fn run(args: &Args, config: &Config) -> anyhow::Result<ExitCode> {
    let broker = Broker::new(config, PATIENCE)?;
    let mut survey = broker.survey()?;
    let mut out = anstream::stdout().lock();
    if args.create {
        // Where its settings may not be read, what is wished for is the measure.
        let _ = broker.describe(&mut survey);
        create(args, config, &broker, &survey, &mut out)?;
        survey = broker.survey()?;
    }
    if let Err(error) = broker.describe(&mut survey) {
        writeln!(out, "settings not checked: {error}")?;
    }
    table(config, &survey, &mut out)?;
    let problems = rules::problems(config, &survey);
    for problem in &problems {
        writeln!(out, "{} {problem}", if problem.grave { "✗" } else { "!" })?;
    }
    if problems.is_empty() {
        writeln!(out, "✓ as copydesk needs them")?;
    }
    let grave = problems.iter().any(|problem| problem.grave);
    Ok(if grave { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn create(
    args: &Args,
    config: &Config,
    broker: &Broker<'_>,
    survey: &Survey,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if usize::try_from(args.replication).is_ok_and(|wanted| wanted > survey.brokers) {
        let brokers = survey.brokers;
        bail!("{} replicas need as many brokers, there are {brokers}: use --replication {brokers}", args.replication);
    }
    let wishes = Wishes {
        partitions: args.partitions,
        replication: args.replication,
        raw_retention: Duration::from_secs(u64::from(args.raw_retention) * 3600),
    };
    let missing = rules::missing(config, survey, &wishes);
    if !missing.is_empty() {
        broker.create(&missing, args.replication)?;
    }
    for spec in &missing {
        writeln!(out, "created {}", spec.name)?;
    }
    Ok(())
}

fn table(config: &Config, survey: &Survey, out: &mut impl Write) -> anyhow::Result<()> {
    let mut rows =
        vec![["for", "topic", "partitions", "replicas", "cleanup", "kept", "largest record"].map(str::to_owned)];
    for role in Role::ALL {
        let name = role.topic(&config.topics).to_owned();
        let cells = survey.topics.get(&role).map_or_else(|| ["missing", "", "", "", ""].map(str::to_owned), cells);
        let [partitions, replicas, cleanup, kept, largest] = cells;
        rows.push([role.key().to_owned(), name, partitions, replicas, cleanup, kept, largest]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    for row in &rows {
        let line: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", line.join("  ").trim_end())?;
    }
    Ok(())
}

fn cells(topic: &Topic) -> [String; 5] {
    let unknown = || "?".to_owned();
    let kept = match topic.number("retention.ms") {
        Some(ms) => u64::try_from(ms).map_or("forever".to_owned(), |ms| rules::spell(Duration::from_millis(ms))),
        None => unknown(),
    };
    [
        topic.partitions.to_string(),
        topic.replicas.to_string(),
        topic.setting("cleanup.policy").map_or_else(unknown, str::to_owned),
        kept,
        topic.number("max.message.bytes").map_or_else(unknown, |bytes| format!("{bytes} B")),
    ]
}
