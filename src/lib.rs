//! copydesk: raw wire items in, each read once, cleaned once, hashed once, published once.
//!
//! The folders follow the data:
//!
//! - [`wire`]: raw bytes → [`wire::Item`]. Charset, envelope, format; what cannot be read is a [`reject::Reject`].
//! - [`edit`]: an item's text → [`edit::Copy`]. Labels every line and pulls headline, dateline, captions and body apart.
//! - [`normalize`]: the steps from raw bytes to article in one function.
//! - [`article`]: the labelled copy → a ninjs 3.1 document.
//! - [`fingerprint`]: the cleaned content → [`fingerprint::ContentHash`].
//! - [`dedup`]: has this content been seen inside the window? A table a partition, rebuilt from its changelog.
//! - [`stream`]: Kafka. The worker loop, transactions, rebalances, restore, dead letters.
//! - [`evaluate`]: how good the edit desk is, measured on labelled items.
//! - [`mine`]: new boilerplate, found from the traffic itself.
//! - [`verify`]: did every raw item end in exactly one place? Recomputed from the topics.
//! - [`telemetry`]: metrics, logs and the admin HTTP server.
//! - [`config`]: the typed configuration. [`cli`]: one file a command.
//!
//! Arrows between modules point one way: `cli → stream → {wire, edit, article, fingerprint, dedup}`. The middle ones are
//! pure: no I/O, no clock, no Kafka.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

#[macro_use]
pub mod faults;

pub mod article;
pub mod cli;
pub mod config;
pub mod dedup;
pub mod edit;
pub mod evaluate;
pub mod fingerprint;
pub mod mine;
pub mod normalize;
pub mod reject;
pub mod stream;
pub mod telemetry;
pub mod verify;
pub mod wire;
