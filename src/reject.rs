//! Why an item becomes a dead letter: a closed set of reasons, so that a metric label never holds free text.

use std::fmt;

/// Why an item was rejected. The codes are part of the dead-letter contract and of the metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The record is larger than `item.max_bytes`, its article would be larger than a topic takes, or it has too many captions.
    TooLarge,
    /// Nothing but white space.
    Empty,
    /// The bytes are no text in the declared or any detectable charset.
    Undecodable,
    /// A JSON envelope that does not parse, lacks `text`, or holds a value of the wrong type.
    BadEnvelope,
    /// A format that is recognised but not read yet, such as NewsML or HTML.
    UnsupportedFormat,
    /// After editing no editorial text is left.
    NoCopy,
    /// A record of `wire.normalized` that lacks what the dedup stage needs: somebody else wrote to the topic.
    BadNormalized,
    /// A defect of copydesk itself (a caught panic). Please report it.
    Internal,
}

impl Reason {
    /// Every reason, for metrics that must exist from the start and for the documentation test.
    pub const ALL: [Reason; 8] = [
        Reason::TooLarge,
        Reason::Empty,
        Reason::Undecodable,
        Reason::BadEnvelope,
        Reason::UnsupportedFormat,
        Reason::NoCopy,
        Reason::BadNormalized,
        Reason::Internal,
    ];

    /// The stable code, as it stands in headers and metric labels.
    pub fn code(self) -> &'static str {
        match self {
            Reason::TooLarge => "too_large",
            Reason::Empty => "empty",
            Reason::Undecodable => "undecodable",
            Reason::BadEnvelope => "bad_envelope",
            Reason::UnsupportedFormat => "unsupported_format",
            Reason::NoCopy => "no_copy",
            Reason::BadNormalized => "bad_normalized",
            Reason::Internal => "internal",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A rejected item: the reason, and one sentence for the person who reads the dead letter.
///
/// The detail never quotes item text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Reject {
    /// The closed reason code.
    pub reason: Reason,
    /// What was wrong, where, in a sentence.
    pub detail: String,
    /// The feed or agency that sent it, where that could be read.
    pub feed: Option<Box<str>>,
}

impl Reject {
    /// A rejection for `reason`, explained by `detail`.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Reject { reason, detail: detail.into(), feed: None }
    }

    /// The same of an item that `feed` sent.
    #[must_use]
    pub fn of(self, feed: Option<&str>) -> Self {
        Reject { feed: feed.map(Into::into), ..self }
    }
}
