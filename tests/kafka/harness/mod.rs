//! A real Apache Kafka, the real binary, and the means to compare what went in with what came out.
//!
//! - [`broker`]: an Apache Kafka 4.3.1 (from Maven, through [`jars`]) that can be stopped, killed, paused and restarted.
//! - [`cluster`]: three of them that replicate everything.
//! - [`worker`]: `copydesk run` as a child process, with its log, its signals and its admin endpoints.
//! - [`desk`]: six topics of one test's own, what was sent to the first, and [`ledger`]: where each of it ended.
//! - [`proxy`]: stands between worker and broker, and loses or falsifies answers, those to a Fetch by [`fetch`].
//! - [`leash`]: no child of a test outlives it, whatever happens to the test.
//!
//! The benchmark shares this folder.
#![allow(dead_code, reason = "shared by the tests and the benchmark, each of which uses a part")]

pub mod broker;
pub mod cluster;
pub mod corpus;
pub mod desk;
pub mod fetch;
pub mod http;
pub mod jars;
pub mod leash;
pub mod ledger;
pub mod proxy;
pub mod reader;
pub mod wait;
pub mod worker;
