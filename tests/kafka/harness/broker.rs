//! One Kafka broker: for all tests together, or for one test that means to break it.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::MetadataTopic;
use tempfile::TempDir;

use super::jars::{self, Jars};
use super::leash::{Leash, Signal, tail};
use super::proxy::Proxy;
use super::wait::{eventually, seconds};

/// A small JVM that starts quickly, for brokers with little to do.
const TEST_JVM: &[&str] = &["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// How long a broker that was frozen may be fenced.
pub(super) const FENCED: Duration = seconds(3);

/// A Kafka broker the tests can reach.
pub struct Broker {
    bootstrap: String,
    own: Option<Own>,
}

/// A broker this process started itself.
struct Own {
    jars: Jars,
    home: TempDir,
    jvm: Vec<String>,
    port: u16,
    process: Option<Leash>,
}

impl Broker {
    /// The broker all ordinary tests share: the one `COPYDESK_TEST_BOOTSTRAP` names, or one started for this process.
    pub fn shared() -> &'static Broker {
        static SHARED: OnceLock<Result<Broker, String>> = OnceLock::new();
        let started = SHARED.get_or_init(|| match std::env::var("COPYDESK_TEST_BOOTSTRAP") {
            Ok(bootstrap) => Ok(Broker { bootstrap, own: None }),
            Err(_) => Broker::start(jars::VERSION, TEST_JVM),
        });
        started.as_ref().unwrap_or_else(|error| panic!("{error}"))
    }

    /// A broker of this test's own, which may be stopped, killed and paused.
    pub fn private() -> Broker {
        Broker::start(jars::VERSION_FOR_CRASHES, TEST_JVM).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A broker of this test's own with these further settings, which are told its port and that of its controller.
    pub fn private_with(settings: impl FnOnce(u16, u16) -> String) -> Broker {
        let broker = Broker::start_with(jars::VERSION_FOR_CRASHES, TEST_JVM, &[], settings);
        broker.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same with a user of this password, by SCRAM-SHA-512.
    pub fn private_for(user: &str, password: &str, settings: impl FnOnce(u16, u16) -> String) -> Broker {
        let scram = format!("SCRAM-SHA-512=[name={user},password={password}]");
        let format = ["--add-scram", scram.as_str()];
        let broker = Broker::start_with(jars::VERSION_FOR_CRASHES, TEST_JVM, &format, settings);
        broker.unwrap_or_else(|error| panic!("{error}"))
    }

    /// A private broker that is also to be had through a proxy.
    pub fn private_behind(proxy: &Proxy) -> Broker {
        let inner = free_port();
        proxy.lead_to(inner);
        Broker::private_with(|port, controller| {
            format!(
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
                 listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{inner},CONTROLLER://127.0.0.1:{controller}\n\
                 advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{}\n",
                proxy.port()
            )
        })
    }

    /// Starts a broker of this version on free ports, with an empty data directory and these arguments to the JVM.
    ///
    /// # Errors
    /// One line that says what is missing.
    pub fn start(version: &'static str, jvm: &[&str]) -> Result<Broker, String> {
        Broker::start_with(version, jvm, &[], |_, _| String::new())
    }

    fn start_with(
        version: &'static str,
        jvm: &[&str],
        format: &[&str],
        settings: impl FnOnce(u16, u16) -> String,
    ) -> Result<Broker, String> {
        let (port, controller) = (free_port(), free_port());
        let format = (!format.is_empty()).then_some(format);
        let mut broker = Broker::prepare(version, jvm, format, port, controller, &settings(port, controller))?;
        broker.start_again();
        Ok(broker)
    }

    /// One of several brokers, with these further settings. It does not run yet.
    pub(super) fn one_of_several(version: &'static str, port: u16, controller: u16, settings: &str) -> Broker {
        let broker = Broker::prepare(version, TEST_JVM, Some(&[]), port, controller, settings);
        broker.unwrap_or_else(|error| panic!("{error}"))
    }

    /// A broker that does not run yet. Its storage is formatted with these arguments; without any, a formatted one is copied.
    fn prepare(
        version: &'static str,
        jvm: &[&str],
        format: Option<&[&str]>,
        port: u16,
        controller: u16,
        settings: &str,
    ) -> Result<Broker, String> {
        let jars = Jars::get(version)?;
        let home = home("broker");
        let (data, file) = (home.path().join("data"), home.path().join("server.properties"));
        let properties = jars::server_properties(&data, port, controller) + settings;
        fs::write(&file, properties).map_err(|error| error.to_string())?;
        match format {
            Some(format) => jars.format(&file, format)?,
            None => copy_files(&jars.storage(), &data)
                .map_err(|error| format!("cannot copy the formatted storage: {error}"))?,
        }
        let jvm = jvm.iter().map(|argument| (*argument).to_owned()).collect();
        let own = Own { jars, home, jvm, port, process: None };
        Ok(Broker { bootstrap: format!("127.0.0.1:{port}"), own: Some(own) })
    }

    /// `HOST:PORT`, as clients want it.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The broker's process id.
    pub fn id(&self) -> Option<u32> {
        Some(self.own.as_ref()?.process.as_ref()?.id())
    }

    /// Starts the broker again on the same data and ports, and waits until it answers.
    pub fn start_again(&mut self) {
        self.launch();
        self.await_answer();
    }

    /// Starts the broker on its data and ports, and does not wait for it.
    pub(super) fn launch(&mut self) {
        self.own().launch();
    }

    /// Shuts the broker down in order (SIGTERM).
    pub fn stop(&mut self) {
        let mut process = self.own().process.take().expect("the broker runs");
        process.signal(Signal::Term);
        assert!(process.wait(seconds(30)).is_some(), "the broker did not stop within 30 s of SIGTERM");
    }

    /// Kills the broker (SIGKILL).
    pub fn kill(&mut self) {
        self.own().process = None;
    }

    /// Freezes the broker (SIGSTOP): connections stay open, nothing answers.
    pub fn pause(&mut self) {
        self.signal(Signal::Stop);
    }

    /// Lets a frozen broker go on (SIGCONT), and waits until it answers. Its controller fences it for a moment, and a client
    /// that asks just then hears of no broker at all, which librdkafka does not recover from: the worker has an answer to
    /// that, a test's reader has not.
    pub fn resume(&mut self) {
        self.signal(Signal::Cont);
        thread::sleep(FENCED);
        self.await_answer();
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        self.own().process.as_mut().expect("the broker runs").signal(signal);
    }

    /// Panics with the broker's log when it has ended by itself.
    #[track_caller]
    pub(super) fn assert_alive(&mut self) {
        let own = self.own();
        if own.process.as_mut().and_then(Leash::ended).is_some() {
            panic!("the broker ended while starting; its log ends in\n{}", tail(&own.log(), 30));
        }
    }

    fn own(&mut self) -> &mut Own {
        self.own.as_mut().expect("only a private broker is broken on purpose")
    }

    fn await_answer(&mut self) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("reconnect.backoff.max.ms", "100");
        let client: BaseConsumer = config.create().expect("a client of a broker on this machine");
        let port = self.own().port;
        eventually("the broker answers", seconds(60), || {
            self.assert_alive();
            TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
            let metadata = client.fetch_metadata(None, Duration::from_secs(1)).map_err(|error| error.to_string())?;
            let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
            match partitions.filter(|partition| partition.leader() < 0).count() {
                _ if metadata.brokers().is_empty() => Err("no broker in the metadata".into()),
                0 => Ok(()),
                leaderless => Err(format!("{leaderless} partitions have no leader")),
            }
        });
    }
}

impl Own {
    fn launch(&mut self) {
        assert!(self.process.is_none(), "the broker already runs");
        let log = File::options().create(true).append(true).open(self.log()).expect("the broker's log can be written");
        let mut java = self.jars.java();
        java.args(&self.jvm).arg("kafka.Kafka").arg(self.home.path().join("server.properties"));
        java.current_dir(self.home.path()).stdout(log.try_clone().expect("a file handle can be cloned")).stderr(log);
        self.process = Some(Leash::spawn(&mut java, self.home.path()).expect("java was there a moment ago"));
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("broker.log")
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- log of the broker on port {} (its last lines) ---\n{}", self.port, tail(&self.log(), 40));
        }
    }
}

/// A directory for a child process, on the disk of `target/` rather than in a `/tmp` that may be memory. It goes when the
/// test ends, unless `COPYDESK_TEST_KEEP` is set.
pub fn home(of: &str) -> TempDir {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(parent).expect("target/tmp can be made");
    let mut builder = tempfile::Builder::new();
    builder.disable_cleanup(std::env::var_os("COPYDESK_TEST_KEEP").is_some());
    builder.prefix(&format!("copydesk-{of}-")).tempdir_in(parent).expect("target/tmp can be written")
}

/// A port nobody listens on, below the range the system hands out by itself, so that a restart finds it free again.
pub fn free_port() -> u16 {
    const FIRST: u16 = 18_000;
    const COUNT: u16 = 14_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id().wrapping_mul(61) % u32::from(COUNT)).expect("below the count");
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start + step % COUNT) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
