//! `copydesk check`: would it run here? One line a finding, with what to do.

mod rights;

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::desk;
use crate::config::{Config, ConfigError};
use crate::stream::clients::{self, Identity, Isolation};
use crate::stream::topics::rules;
use crate::stream::topics::{Broker, Role, Survey, TopicError};
use crate::telemetry::Metrics;
use rights::DryRun;

/// How long the brokers get for each answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of a record, for a producer that sends none to speak of.
const RECORD_BYTES: usize = 1 << 20;

const GOOD: Style = AnsiColor::Green.on_default();
const UNWISE: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Check the configuration, the rules, and with --connect the brokers, topics and rights
///
/// One line a finding: ✓ is right, ! is unwise, ✗ would stop it or break a guarantee. Exit code 1 when there is a ✗.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ask the brokers too: are they there, are the topics right, may we do what we must? And is our own address free?
    ///
    /// Reads the input topics, and writes one record without a value to each output topic and an offset of the group, in
    /// transactions that are aborted: no committed reader sees anything of it.
    #[arg(long)]
    connect: bool,

    /// Print the configuration in effect, from file, environment and defaults, with secrets masked
    #[arg(long)]
    show: bool,
}

/// Runs the command on the configuration that was read from `file`, or could not be.
///
/// # Errors
/// Only where the findings cannot be written.
pub fn run(args: &Args, file: Option<&Path>, config: Result<Config, ConfigError>) -> anyhow::Result<ExitCode> {
    let mut report = Report { out: Box::new(anstream::stdout().lock()), failed: false };
    match config {
        Ok(config) => {
            report.good("configuration", file.map_or("the defaults".to_owned(), |file| file.display().to_string()))?;
            report.examine(args, &config)?;
            if args.show {
                write!(report.out, "\n{config}")?;
            }
        }
        Err(error) => report.bad_lines("configuration", &error)?,
    }
    Ok(if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Report {
    out: Box<dyn Write>,
    failed: bool,
}

impl Report {
    fn examine(&mut self, args: &Args, config: &Config) -> anyhow::Result<()> {
        match desk(config) {
            Ok(desk) => self.good("rules", format!("rule set {}", desk.rules_id()))?,
            Err(error) => self.bad("rules", format!("{error:#}"))?,
        }
        let identity = Identity::new(config, 0);
        let identity = Identity { transactional_id: format!("{}-check", identity.transactional_id), ..identity };
        match properties(config, &identity) {
            Ok(()) => self.good("properties", "librdkafka takes them")?,
            Err(error) => return self.bad("properties", TopicError::Client(error)),
        }
        for weakness in config.kafka.weaknesses() {
            self.unwise("connection", weakness)?;
        }
        if args.connect {
            self.listen(config.admin.listen)?;
            self.connect(config, &identity)?;
        }
        Ok(())
    }

    /// Whether metrics and probes could be served.
    fn listen(&mut self, wanted: SocketAddr) -> anyhow::Result<()> {
        match TcpListener::bind(wanted) {
            Ok(_) => self.good("admin", format!("can listen on {wanted}")),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                self.unwise("admin", format!("{wanted} is taken: by the copydesk that runs here, or see admin.listen"))
            }
            Err(error) => self.bad("admin", format!("cannot listen on {wanted}: {error}; see admin.listen")),
        }
    }

    fn connect(&mut self, config: &Config, identity: &Identity) -> anyhow::Result<()> {
        let broker = match Broker::new(config, PATIENCE) {
            Ok(broker) => broker,
            Err(error) => return self.bad("brokers", error),
        };
        let mut survey = match broker.survey() {
            Ok(survey) => survey,
            Err(error) => return self.bad("brokers", error),
        };
        self.good("brokers", format!("{} at {}", survey.brokers, config.kafka.brokers))?;
        if let Err(error) = broker.describe(&mut survey) {
            self.unwise("topics", format!("settings not checked: {error}"))?;
        } else {
            for (role, _) in survey.topics.iter().filter(|(_, topic)| topic.settings.is_none()) {
                let topic = role.topic(&config.topics);
                self.unwise("topics", format!("settings of {topic} not checked; grant DESCRIBE_CONFIGS on it"))?;
            }
        }
        let problems = rules::problems(config, &survey);
        for problem in &problems {
            if problem.grave { self.bad("topics", problem)? } else { self.unwise("topics", problem)? }
        }
        if problems.is_empty() {
            self.good("topics", format!("all {} are there and right", survey.topics.len()))?;
        }
        let raw = survey.topics.contains_key(&Role::Raw);
        for role in
            [Role::Raw, Role::Normalized, Role::Seen].into_iter().filter(|role| survey.topics.contains_key(role))
        {
            let topic = role.topic(&config.topics);
            match rights::read(config, topic) {
                Ok(()) => self.good("read", topic)?,
                Err(error) => {
                    self.bad("read", format!("cannot read {topic}: {}; grant READ on the topic", reason(&error)))?
                }
            }
        }
        self.produce(config, identity, &survey, raw)
    }

    /// A transaction that holds a record of every output topic and an offset of the group, and is aborted.
    fn produce(&mut self, config: &Config, identity: &Identity, survey: &Survey, raw: bool) -> anyhow::Result<()> {
        let Some(mut dry) = self.begin(config, identity)? else { return Ok(()) };
        self.good("transactions", format!("may begin them as {}", identity.transactional_id))?;
        let outputs = Role::ALL.into_iter().filter(|role| *role != Role::Raw && survey.topics.contains_key(role));
        for topic in outputs.map(|role| role.topic(&config.topics)) {
            match dry.write(topic) {
                Ok(()) => self.good("write", topic)?,
                Err(error) => {
                    let said = reason(&error);
                    self.bad(
                        "write",
                        format!("cannot write to {topic}: {said}; grant WRITE on the topic, or see its brokers"),
                    )?;
                    // The coordinator has not heard of its transaction, and refuses to abort it.
                    let Some(next) = self.begin(config, identity)? else { return Ok(()) };
                    dry = next;
                }
            }
        }
        if raw {
            let group = &config.kafka.group;
            match dry.commit_offset(config) {
                // A refused topic is the raw one, which is told already; the group has agreed by then.
                Err(error) if error.rdkafka_error_code() != Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                    let said = reason(&error);
                    self.bad("group", format!("cannot commit offsets of {group}: {said}; grant READ on the group"))?;
                }
                _ => self.good("group", format!("may commit offsets of {group}"))?,
            }
        }
        Ok(())
    }

    /// A producer, if transactions may be begun.
    fn begin(&mut self, config: &Config, identity: &Identity) -> anyhow::Result<Option<DryRun>> {
        let error = match DryRun::start(config, identity) {
            Ok(dry) => return Ok(Some(dry)),
            Err(error) => error,
        };
        let (id, group, said) = (&identity.transactional_id, &config.kafka.group, reason(&error));
        let grant = format!("grant WRITE and DESCRIBE on transactional ids {group}-*");
        self.bad("transactions", format!("cannot begin them as {id}: {said}; {grant}"))?;
        Ok(None)
    }

    fn good(&mut self, what: &str, finding: impl Display) -> anyhow::Result<()> {
        self.line(GOOD, '✓', what, finding)
    }

    fn unwise(&mut self, what: &str, finding: impl Display) -> anyhow::Result<()> {
        self.line(UNWISE, '!', what, finding)
    }

    fn bad(&mut self, what: &str, finding: impl Display) -> anyhow::Result<()> {
        self.failed = true;
        self.line(BAD, '✗', what, finding)
    }

    fn bad_lines(&mut self, what: &str, findings: &impl Display) -> anyhow::Result<()> {
        findings.to_string().lines().try_for_each(|finding| self.bad(what, finding))
    }

    fn line(&mut self, style: Style, mark: char, what: &str, finding: impl Display) -> anyhow::Result<()> {
        Ok(writeln!(self.out, "{style}{mark}{style:#} {what:<14} {finding}")?)
    }
}

/// Whether librdkafka takes every property, in each of the clients a worker has.
fn properties(config: &Config, identity: &Identity) -> Result<(), KafkaError> {
    let metrics = Metrics::new("check");
    drop(clients::consumer(config, identity, metrics.clone())?);
    drop(clients::producer(config, identity, RECORD_BYTES, metrics.clone())?);
    drop(clients::reader(config, Isolation::Committed, metrics)?);
    Ok(())
}

/// The broker's own words.
fn reason(error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(inner) => inner.string(),
        other => other.to_string(),
    }
}
