//! The first step as one function: a raw record → a normalized item, or the reason why not.
//!
//! Pure, so that `copydesk process` does to a file exactly what the stream does to a record.

use std::ops::Deref;

use crate::{
    article::{self, Origin, Parts},
    edit::{self, Copy, Desk, Hints},
    fingerprint::{ContentHash, Fingerprinter},
    reject::{Reason, Reject},
    wire::{self, Item, Status},
};

/// Pictures of one article at most: a gallery has some hundred.
const MAX_CAPTIONS: usize = 1_000;

/// Bytes of the audit trail at most: it travels as a header, and the record must fit its topic.
pub const MAX_REMOVED_BYTES: usize = 3_500;

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
    /// The feed or agency: as the item names it, else as its dateline does.
    pub source: Option<String>,
    /// What was taken off, as `rule@byte+length` separated by spaces: the audit trail of the edit desk. Where it would be too
    /// long it ends in `+N`: so many more.
    pub removed: String,
}

/// Normalizes raw records: one a thread, because it reuses its buffers. Borrows its desk, or shares it.
pub struct Normalizer<'d, D = &'d Desk> {
    desk: D,
    authority: &'d str,
    max_bytes: usize,
    fingerprinter: Fingerprinter,
}

impl<'d, D: Deref<Target = Desk>> Normalizer<'d, D> {
    /// A normalizer that edits with `desk`, coins `tag:` URIs under `authority`, and refuses items over `max_bytes`.
    pub fn new(desk: D, authority: &'d str, max_bytes: usize) -> Self {
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
        let mut copy = edit(&self.desk, &item, origin);
        if copy.kill.is_some() && copy.body.is_empty() {
            // It must reach whoever has the story.
            copy.body = copy.notes.iter().map(|note| edit::one_line(note)).collect();
        }
        if copy.body.is_empty() {
            let reject = Reject::new(Reason::NoCopy, "no editorial text is left after editing");
            return Err(reject.of(source(&item, &copy)));
        }
        if copy.captions.len() > MAX_CAPTIONS {
            let detail = format!("{} captions, and the limit is {MAX_CAPTIONS}", copy.captions.len());
            return Err(Reject::new(Reason::TooLarge, detail).of(source(&item, &copy)));
        }
        let (headline, tagged) = article::headline(&item, &copy);
        let status = status(&item, &copy, tagged);
        let hash = self.fingerprinter.hash(headline, &copy.body);
        let raw_hash = blake3::hash(value);
        let article = article::assemble(Parts {
            item: &item,
            copy: &copy,
            status,
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
            status,
            version: item.version.unwrap_or(1),
            source: source(&item, &copy).map(Into::into),
            removed: removed(&copy),
            uri: item.uri.map(Into::into),
        })
    }
}

/// The status the sender gives; copy that says it is killed, in a line or in the tag of its headline, is canceled, and copy
/// that puts itself under embargo is withheld, whatever the sender says of it.
fn status(item: &Item<'_>, copy: &Copy<'_>, tagged: Option<&str>) -> Status {
    let killed = copy.kill.is_some() || tagged.is_some_and(|headline| edit::headline::split(headline).kills());
    match item.status {
        _ if killed => Status::Canceled,
        Status::Usable if copy.embargo.is_some() => Status::Withheld,
        status => status,
    }
}

fn source<'a>(item: &'a Item<'_>, copy: &'a Copy<'_>) -> Option<&'a str> {
    item.source.as_deref().or_else(|| copy.dateline.as_ref()?.agencies.first().copied())
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
    let mut removed = copy.lines.iter().filter(|line| line.label == Label::Boilerplate);
    while let Some(line) = removed.next() {
        let gap = if out.is_empty() { "" } else { " " };
        if out.len() + line.reason.len() > MAX_REMOVED_BYTES {
            let _ = write!(out, "{gap}+{}", 1 + removed.count());
            break;
        }
        let _ = write!(out, "{gap}{}@{}+{}", line.reason.replace(' ', "-"), line.start, line.text.len());
    }
    out
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::Value;

    use super::*;

    fn normalize(text: &str) -> (Normalized, Value) {
        let desk = Desk::builtin().unwrap();
        let item = Normalizer::new(&desk, "news.example", 1 << 20).normalize(text.as_bytes(), None, None).unwrap();
        let article = serde_json::from_slice(&item.json).unwrap();
        (item, article)
    }

    #[test]
    fn copy_under_embargo_is_withheld_and_says_so_to_the_desk() {
        let (item, article) = normalize(
            "STRICTLY EMBARGOED UNTIL 0001 HOURS WEDNESDAY MAY 6\n\n\
             Harrowmere honours its ferryman\n\n\
             HARROWMERE, May 5 (UPI) -- The council honoured the last ferryman on Tuesday, officials said.\n\n\
             He carried the mail across the river for forty years, the harbor trust said.\n",
        );
        assert_eq!(item.status, Status::Withheld);
        assert_eq!(article["pubStatus"], "withheld");
        assert!(article["edNote"].as_str().unwrap().contains("EMBARGOED"));
    }

    #[test]
    fn a_kill_note_is_canceled_by_its_slug_its_note_or_its_headline() {
        for text in [
            "BC-Harbour Clock, Kill\n\nKill\n\nThe story about the clock should not be used.\n\nA substitute will be sent.\n",
            "EDITORS: Kill the story slugged Harbour-Clock, which moved from Ostheim on May 5.\n\nA substitute will be sent.\n",
            "STORY WITHDRAWN-Harbour clock strikes again\n\n\
             OSTHEIM, May 5 (Reuters) - The clock of the harbour struck again on Monday, the council said.\n",
            "(This story has been withdrawn.)\n\nEMBARGOED UNTIL 0001 Monday May 6\n\nHarbour clock strikes again\n\n\
             OSTHEIM, May 5 (Reuters) - The clock of the harbour struck again on Monday, the council said.\n",
        ] {
            let (item, article) = normalize(text);
            assert_eq!(item.status, Status::Canceled, "{text}");
            assert_eq!(article["pubStatus"], "canceled");
        }
        let (item, article) =
            normalize("EDITORS: Kill the story slugged Harbour-Clock.\n\nA substitute will be sent.\n");
        assert_eq!(item.status, Status::Canceled);
        assert_eq!(article["edNote"], "EDITORS: Kill the story slugged Harbour-Clock.");
        let story =
            "Killer whales return\n\nOSTHEIM, May 5 (AP) -- Editors kill the story of the whale, the mayor said.\n";
        assert_eq!(normalize(story).0.status, Status::Usable);
    }

    #[test]
    fn a_kill_that_is_nothing_but_notes_is_published_and_not_rejected() {
        let (item, article) = normalize("KILL KILL KILL\n\nPlease kill item dpa 157 (Harbour clock).\n");
        assert_eq!(item.status, Status::Canceled);
        assert_eq!(article["bodies"][0]["value"], "KILL KILL KILL\n\nPlease kill item dpa 157 (Harbour clock).");
    }

    #[test]
    fn tags_of_a_headline_sent_beside_the_text_are_taken_off_too() {
        let text = "HARROWMERE, May 5 (UPI) -- The council reopened the landing on Tuesday, officials said.";
        let envelope = serde_json::json!({"text": text, "headline": "UPDATE 2-Ferry landing reopens"}).to_string();
        let (_, article) = normalize(&envelope);
        assert_eq!(article["headlines"][0]["value"], "Ferry landing reopens");
        assert_eq!(article["headlines"][1]["value"], "UPDATE 2-Ferry landing reopens");
    }

    #[test]
    fn what_was_taken_off_is_told_by_rule_and_place() {
        let text = "Advertisement\n\nFerry landing reopens\n\n\
             HARROWMERE, May 5 (UPI) -- The council reopened the landing on Tuesday, officials said.\n";
        let (item, _) = normalize(text);
        assert_eq!(item.removed, "common/advertisement@0+13");
    }

    #[test]
    fn what_was_taken_off_is_told_up_to_a_length_and_the_rest_is_counted() {
        let story =
            "Ferry landing reopens\n\nHARROWMERE, May 5 (UPI) -- The council reopened the landing on Tuesday.\n\n";
        let (item, _) = normalize(&format!("{story}{}", "Advertisement\n\n".repeat(5_000)));
        assert!(item.removed.len() < MAX_REMOVED_BYTES + 200, "{} bytes", item.removed.len());
        let (told, rest) = item.removed.rsplit_once(" +").unwrap();
        assert_eq!(told.split(' ').count() + rest.parse::<usize>().unwrap(), 5_000);
    }

    #[test]
    fn an_item_of_more_captions_than_any_gallery_is_refused_whole() {
        let gallery = |captions: usize| {
            let mut text = String::from("Ferry landing reopens\n\n");
            for at in 0..captions {
                let _ =
                    write!(text, "The ferry {at} lies at the quay in Harrowmere on Tuesday. (AP Photo/Kit Marlow)\n\n");
            }
            text + "HARROWMERE, May 5 (UPI) -- The council reopened the landing on Tuesday, officials said.\n"
        };
        let (_, article) = normalize(&gallery(MAX_CAPTIONS));
        assert_eq!(article["associations"].as_array().unwrap().len(), MAX_CAPTIONS);
        let desk = Desk::builtin().unwrap();
        let reject = Normalizer::new(&desk, "news.example", 1 << 20)
            .normalize(gallery(MAX_CAPTIONS + 1).as_bytes(), None, None)
            .unwrap_err();
        assert_eq!(reject.to_string(), "too_large: 1001 captions, and the limit is 1000");
    }

    #[test]
    fn the_source_is_what_the_envelope_says_else_the_agency_of_the_dateline_else_nothing() {
        let text = "HARROWMERE, May 5 (UPI) -- The council reopened the landing on Tuesday, officials said.";
        let envelope = serde_json::json!({"text": text, "source": "upi-web"}).to_string();
        let bare = "Ferry landing reopens\n\nThe council reopened the landing on Tuesday, officials said.\n";
        assert_eq!(normalize(&envelope).0.source.as_deref(), Some("upi-web"));
        assert_eq!(normalize(text).0.source.as_deref(), Some("UPI"));
        assert_eq!(normalize(bare).0.source, None);
    }

    #[test]
    fn an_item_of_nothing_but_boilerplate_is_rejected() {
        let desk = Desk::builtin().unwrap();
        let mut normalizer = Normalizer::new(&desk, "news.example", 1 << 20);
        let reject = normalizer.normalize(b"Advertisement\n\nAdvertisement\n", None, None).unwrap_err();
        assert_eq!(reject.reason, Reason::NoCopy);
    }
}
