//! The command line as a user meets it: the binary run as a child process, without a Kafka.

mod broker;
mod configuration;
mod copydesk;
mod diff_rules;
mod documents;
mod evaluate;
mod help;
mod mine;
mod run;
