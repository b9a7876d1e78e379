//! The command line as a user meets it: the binary run as a child process, without a Kafka.

mod broker;
mod configuration;
mod copydesk;
mod help;
mod process;
mod run;
