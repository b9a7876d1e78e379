//! copydesk on a real Apache Kafka: what is promised of the topics, held against the topics.
//!
//! Every test has topics and a consumer group of its own. Most share one broker, which starts with the first of them; those
//! that break a broker start one for themselves.

mod admin;
mod backlog;
mod brake;
mod crashes;
mod dead_letters;
mod decisions;
mod forgetting;
mod harness;
mod hostile;
mod lend;
mod membership;
mod order;
mod outages;
mod reloading;
mod replaying;
mod restores;
mod rights;
mod rolling;
mod secure;
mod self_test;
mod shadow;
mod short_cut;
mod start_up;
mod takeovers;
mod tapping;
mod tracing;
mod verify;
