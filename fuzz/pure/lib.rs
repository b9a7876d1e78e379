//! The pure part of copydesk as a crate of its own, without the C libraries behind Kafka: what is fuzzed and mutated is built
//! in seconds. The feature `edit` has the edit desk and what follows from it; dedup and the worker's core need none of it.
#![allow(missing_docs, unused_macros)]

#[macro_use]
#[path = "../../src/faults.rs"]
pub mod faults;

#[cfg(feature = "edit")]
#[path = "../../src/article.rs"]
pub mod article;
#[path = "../../src/dedup/mod.rs"]
pub mod dedup;
#[cfg(feature = "edit")]
#[path = "../../src/edit/mod.rs"]
pub mod edit;
#[path = "../../src/fingerprint.rs"]
pub mod fingerprint;
#[cfg(feature = "edit")]
#[path = "../../src/normalize.rs"]
pub mod normalize;
#[path = "../../src/reject.rs"]
pub mod reject;
#[path = "../../src/wire/mod.rs"]
pub mod wire;

#[path = "../../src/stream"]
pub mod stream {
    pub mod core;
}

#[path = "../../src/telemetry"]
pub mod telemetry {
    pub mod labels;
    pub use labels::Input;
}
