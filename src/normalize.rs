//! The first step as one function: a raw record → a normalized item, or the reason why not.
//!
//! Pure, so that `copydesk process` does to a file exactly what the stream does to a record.

use crate::{
    article::{self, Origin, Parts},
    edit::{Copy, Desk, Hints},
    fingerprint::{ContentHash, Fingerprinter},
    reject::{Reason, Reject},
    wire::{self, Item, Status},
};

/// An item that was read, edited, hashed and assembled.
#[derive(Debug)]
pub struct Normalized {
    /// The hash of its content.
    pub hash: ContentHash,
    /// Its article: ninjs 3.1, JSON.
    pub json: Vec<u8>,
    /// Its publication status.
    pub status: Status,
    /// The provider's uri of the story.
    pub uri: Option<String>,
    /// The version; 1 where the provider gives none.
    pub version: u64,
    /// What was taken off, as `rule@byte+length` separated by spaces: the audit trail of the edit desk.
    pub removed: String,
}

/// Normalizes raw records: one a thread, because it reuses its buffers.
pub struct Normalizer<'d> {
    desk: &'d Desk,
    authority: &'d str,
    max_bytes: usize,
    fingerprinter: Fingerprinter,
}

impl<'d> Normalizer<'d> {
    /// A normalizer that edits with `desk`, coins `tag:` URIs under `authority`, and refuses items over `max_bytes`.
    pub fn new(desk: &'d Desk, authority: &'d str, max_bytes: usize) -> Self {
        Normalizer { desk, authority, max_bytes, fingerprinter: Fingerprinter::default() }
    }

    /// Reads, edits, hashes and assembles one record. `origin` is where it stood, if it came through Kafka.
    ///
    /// # Errors
    /// A [`Reject`], for the dead letters.
    pub fn normalize(
        &mut self,
        value: &[u8],
        content_type: Option<&str>,
        origin: Option<&Origin>,
    ) -> Result<Normalized, Reject> {
        let item = wire::read(value, content_type, self.max_bytes)?;
        let copy = edit(self.desk, &item, origin);
        if copy.body.is_empty() {
            return Err(Reject::new(Reason::NoCopy, "no editorial text is left after editing"));
        }
        let headline = copy.headline.or(item.headline.as_deref());
        let hash = self.fingerprinter.hash(headline, &copy.body);
        let raw_hash = blake3::hash(value);
        let article = article::assemble(Parts {
            item: &item,
            copy: &copy,
            hash: &hash,
            raw_hash: &raw_hash,
            origin,
            authority: self.authority,
        });
        let mut json = Vec::with_capacity(value.len() + 2048);
        article.write_json(&mut json).map_err(|error| Reject::new(Reason::Internal, error.to_string()))?;
        Ok(Normalized {
            hash,
            json,
            status: item.status,
            version: item.version.unwrap_or(1),
            removed: removed(&copy),
            uri: item.uri.map(Into::into),
        })
    }
}

/// Edits an item with what is known of it beside its text.
pub fn edit<'t>(desk: &'t Desk, item: &'t Item<'_>, origin: Option<&Origin>) -> Copy<'t> {
    let arrived = origin.and_then(|origin| jiff::Timestamp::from_millisecond(origin.timestamp).ok());
    let hints = Hints {
        source: item.source.as_deref(),
        headline: item.headline.as_deref(),
        arrived: item.received.or(arrived),
    };
    desk.edit(&item.text, &hints)
}

fn removed(copy: &Copy<'_>) -> String {
    use std::fmt::Write as _;

    use crate::edit::Label;

    let mut out = String::new();
    for line in copy.lines.iter().filter(|line| line.label == Label::Boilerplate) {
        let gap = if out.is_empty() { "" } else { " " };
        let _ = write!(out, "{gap}{}@{}+{}", line.reason.replace(' ', "-"), line.start, line.text.len());
    }
    out
}
