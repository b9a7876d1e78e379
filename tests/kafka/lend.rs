//! The broker of these tests, lent to the checks in `deploy/`.

use std::io::{Read, stdin};

use crate::harness::broker::Broker;

#[test]
#[ignore = "for the checks in deploy/: runs a broker until its standard input ends"]
fn a_broker() {
    println!("broker at {}", Broker::shared().bootstrap());
    stdin().read_to_end(&mut Vec::new()).expect("standard input can be read");
}
