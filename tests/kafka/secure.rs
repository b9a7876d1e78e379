//! TLS with SCRAM against a real broker: it works, and what is wrong with it is one line that says so.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::broker::{Broker, free_port, home};
use crate::harness::corpus::story;
use crate::harness::desk::Desk;
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::{Settings, Worker};

const USER: &str = "desk";
const PASSWORD: &str = "correct-horse";

/// A broker whose one safe listener wants a certificate of its CA believed, and a user.
struct Secured {
    broker: Broker,
    port: u16,
    certificates: tempfile::TempDir,
}

fn openssl(directory: &Path, arguments: &str) {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output();
    let done = done.expect("these tests need openssl");
    assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A CA of this name, as `NAME.crt` and `NAME.key`.
fn authority(directory: &Path, name: &str) {
    let key = format!("-newkey rsa:2048 -nodes -keyout {name}.key -out {name}.crt");
    openssl(directory, &format!("req -x509 {key} -days 2 -subj /CN={name}"));
}

impl Secured {
    fn start() -> Secured {
        let certificates = home("certificates");
        let at = certificates.path();
        authority(at, "ours");
        authority(at, "another");
        openssl(at, "req -newkey rsa:2048 -nodes -keyout broker.key -out broker.csr -subj /CN=localhost");
        std::fs::write(at.join("names"), "subjectAltName=DNS:localhost").expect("there is room for a file");
        openssl(
            at,
            "x509 -req -in broker.csr -CA ours.crt -CAkey ours.key -CAcreateserial -days 2 -extfile names -out broker.crt",
        );
        let read = |name: &str| std::fs::read_to_string(at.join(name)).expect("openssl wrote it");
        std::fs::write(at.join("broker.pem"), read("broker.key") + &read("broker.crt")).expect("there is room");

        let (port, keystore) = (free_port(), at.join("broker.pem"));
        let broker = Broker::private_for(USER, PASSWORD, |plain, controller| {
            format!(
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SAFE:SASL_SSL,CONTROLLER:PLAINTEXT\n\
                 listeners=PLAINTEXT://127.0.0.1:{plain},SAFE://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
                 advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SAFE://localhost:{port}\n\
                 listener.name.safe.ssl.keystore.type=PEM\n\
                 listener.name.safe.ssl.keystore.location={}\n\
                 listener.name.safe.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
                 listener.name.safe.scram-sha-512.sasl.jaas.config=\
                 org.apache.kafka.common.security.scram.ScramLoginModule required;\n",
                keystore.display()
            )
        });
        Secured { broker, port, certificates }
    }

    fn ca(&self, name: &str) -> PathBuf {
        self.certificates.path().join(format!("{name}.crt"))
    }

    /// A worker of the safe listener with this password, which believes this CA.
    fn settings(&self, password: &str, ca: &str) -> Settings {
        let mut settings = Settings::named("a")
            .property("security.protocol", "SASL_SSL")
            .property("sasl.mechanism", "SCRAM-SHA-512")
            .property("sasl.username", USER)
            .property("sasl.password", password)
            .property("ssl.ca.location", &self.ca(ca).display().to_string())
            .property("broker.address.family", "v4");
        settings.brokers = Some(format!("localhost:{}", self.port));
        settings
    }
}

/// `check --connect` and `run` say this of it, each in one line, and no secret.
#[track_caller]
fn refused(desk: &Desk, settings: &Settings, said: &[&str], password: &str) {
    let (code, out) = Worker::command_with(desk, settings, "check", &["--connect"]);
    assert_eq!(code, Some(1), "{out}");
    let bad: Vec<&str> = out.lines().filter(|line| line.starts_with('✗')).collect();
    assert!(matches!(bad[..], [line] if said.iter().all(|word| line.contains(word))), "{said:?}:\n{out}");
    assert_eq!(out.lines().count(), 5, "no line beside the findings:\n{out}");
    assert!(!out.contains(password), "{out}");

    let worker = Worker::start_with(desk, settings);
    let lines = || {
        let log = worker.log();
        let lines = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    eventually("the worker says why it waits", seconds(40), || {
        if lines().is_empty() { Err(worker.log()) } else { Ok(()) }
    });
    // Long enough for it to have tried again.
    std::thread::sleep(seconds(15));
    let lines = lines();
    assert!(matches!(&lines[..], [line] if said.iter().all(|word| line.contains(word))), "{said:?}: {lines:#?}");
    assert!(!worker.log().contains(password), "{}", worker.log());
    worker.await_status("/livez", 200);
    worker.finish();
}

#[test]
fn tls_and_scram_work_and_a_wrong_password_or_ca_is_one_line_that_says_so() {
    let secured = Secured::start();
    let mut desk = Desk::open(&secured.broker);
    let right = secured.settings(PASSWORD, "ours");
    let (code, out) = Worker::command_with(&desk, &right, "check", &["--connect"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(!out.contains(PASSWORD), "{out}");

    refused(
        &desk,
        &secured.settings("wrong-horse", "ours"),
        &["the brokers refuse this user", "sasl.password"],
        "wrong-horse",
    );
    let wrong = ["no trusted TLS connection", "certificate verify failed", "ssl."];
    refused(&desk, &secured.settings(PASSWORD, "another"), &wrong, PASSWORD);

    let worker = Worker::start_with(&desk, &right);
    let first = desk.send_one(&story(1));
    let ledger = desk.close(vec![worker]);
    assert_eq!(ledger.published_of(&[first]), 1);
}
