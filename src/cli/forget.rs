//! `copydesk forget`: lets a content through again.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::Message as _;
use rdkafka::producer::FutureRecord;

use crate::config::Config;
use crate::dedup::record;
use crate::fingerprint::ContentHash;
use crate::stream::clients;
use crate::stream::headers;
use crate::stream::scan::{Next, Scan};
use crate::stream::topics::Role;
use crate::wire::Status;

/// How long a poll waits for the answer.
const IDLE: Duration = Duration::from_millis(200);

/// Let a content through again: the next copy of it is published
///
/// The order travels through the normalized topic to the worker that owns the content. That one forgets it and records so in
/// the changelog, in one transaction, between the items before the order and those after it: no restart is needed, and none
/// brings the memory back. Nothing that was published is taken back.
///
/// HASH is the content hash, as it stands in articles, in duplicates and in the header copydesk-hash.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  copydesk tap duplicates --grep urn:nwa:417 --from 1d --end   find the hash
  copydesk forget blake3:788061d2…                              all 64 digits
  copydesk replay raw --partition 3 --offsets 1000..1001        send it again")]
pub struct Args {
    /// The content hash: 64 hexadecimal digits, with or without blake3: before them
    #[arg(value_name = "HASH", value_parser = hash)]
    hash: ContentHash,

    /// Only in this publication status; may be given several times
    #[arg(long = "status", value_name = "STATUS", value_parser = status)]
    statuses: Vec<Status>,

    /// How long to wait for a worker to carry it out
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
}

fn hash(text: &str) -> Result<ContentHash, String> {
    let digits = text.strip_prefix("blake3:").unwrap_or(text);
    digits.parse().map_err(|_| format!("expected 64 hexadecimal digits, found {}", digits.chars().count()))
}

fn status(text: &str) -> Result<Status, String> {
    let known = Status::ALL.into_iter().find(|status| status.as_str() == text);
    known.ok_or_else(|| format!("expected {}", Status::ALL.map(Status::as_str).join(", ")))
}

/// Runs the command. The exit code is 1 where no worker has carried the order out in time; it stays in the topic.
///
/// # Errors
/// Brokers that do not answer or refuse.
pub fn run(args: &Args, config: &Config) -> anyhow::Result<ExitCode> {
    let statuses = if args.statuses.is_empty() { Status::ALL.to_vec() } else { args.statuses.clone() };
    let partitions = super::partitions(config, Role::Normalized, &[])?;
    let partition = args.hash.partition(i32::try_from(partitions.len())?);
    let mut answers = Scan::new(config, &config.topics.seen)?;
    let end = answers.bounds(partition).with_context(|| format!("cannot read {}", config.topics.seen))?.end;
    answers.begin(&BTreeMap::from([(partition, end..i64::MAX)]))?;

    let place = order(config, &args.hash, &statuses, partition)?;
    let mut out = anstream::stdout().lock();
    writeln!(out, "ordered   {place}")?;
    let mut waiting: BTreeMap<String, Status> =
        statuses.iter().map(|status| (record::key(&args.hash, *status), *status)).collect();
    let until = Instant::now() + Duration::from_secs(args.wait);
    while !waiting.is_empty() && Instant::now() < until {
        let Next::Record(tombstone) = answers.next(IDLE)? else { continue };
        if headers::find(&tombstone, headers::SOURCE) != Some(&place) {
            continue;
        }
        let key = std::str::from_utf8(tombstone.key().unwrap_or_default()).unwrap_or_default();
        if let Some(status) = waiting.remove(key) {
            let remembered = headers::find(&tombstone, headers::REMEMBERED) == Some("true");
            let was = if remembered { "forgotten" } else { "was not remembered" };
            writeln!(out, "{:<9} {was}", status.as_str())?;
        }
    }
    if !waiting.is_empty() {
        writeln!(
            out,
            "no worker has carried it out within {} s; the order stays in the topic, and the next owner of partition \
             {partition} obeys it",
            args.wait
        )?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Sends the order to the owner of the content; answers where it lies.
fn order(config: &Config, hash: &ContentHash, statuses: &[Status], partition: i32) -> anyhow::Result<String> {
    let topic = &config.topics.normalized;
    let producer = clients::messenger(config)?;
    let digits = hash.to_string();
    let order =
        FutureRecord::<str, [u8]>::to(topic).partition(partition).key(&digits).headers(headers::forget(hash, statuses));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let delivered = runtime.block_on(producer.send(order, clients::DELIVERY));
    let delivered = delivered.map_err(|(error, _)| error).with_context(|| format!("cannot write to {topic}"))?;
    Ok(format!("{topic}/{}/{}", delivered.partition, delivered.offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_taken_as_articles_and_headers_spell_it() {
        let digits = "7".repeat(64);
        assert_eq!(hash(&digits), hash(&format!("blake3:{digits}")));
        assert_eq!(hash("788061d2").unwrap_err(), "expected 64 hexadecimal digits, found 8");
    }

    #[test]
    fn a_status_is_one_of_three() {
        assert_eq!(status("canceled"), Ok(Status::Canceled));
        assert_eq!(status("killed").unwrap_err(), "expected usable, withheld, canceled");
    }
}
