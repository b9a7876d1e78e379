//! `copydesk run` as a child process.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::broker::{free_port, home};
use super::desk::Desk;
use super::http::{self, Answer};
use super::leash::{Leash, Signal, tail};
use super::proxy::Proxy;
use super::wait::{eventually, seconds};

/// What a worker is told beyond its desk's topics.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The stable name of this replica.
    pub instance: String,
    /// Worker threads.
    pub threads: u32,
    /// Largest item in bytes.
    pub max_bytes: usize,
    /// How long a shutdown may take.
    pub shutdown_seconds: u32,
    /// Where its group begins, where that has committed nothing.
    pub start: &'static str,
    /// librdkafka properties.
    pub properties: Vec<(String, String)>,
    /// A directory of rule files.
    pub rules: String,
    /// Where it finds the brokers, if not where the desk does.
    pub brokers: Option<String>,
    /// The failpoint it dies at, `NAME@COUNT`, freezes at, `NAME@COUNT/freeze`, or panics at, `NAME@COUNT/panic`.
    pub failpoint: Option<String>,
    /// The classic bug it has.
    pub mutant: Option<String>,
    /// Where spans go.
    pub collector: String,
    /// Further sections of its configuration.
    pub sections: String,
}

impl Settings {
    /// One thread, nothing unusual.
    pub fn named(instance: &str) -> Settings {
        Settings {
            instance: instance.into(),
            threads: 1,
            max_bytes: 1_000_000,
            shutdown_seconds: 20,
            start: "earliest",
            properties: Vec::new(),
            rules: String::new(),
            brokers: None,
            failpoint: None,
            mutant: std::env::var("COPYDESK_TEST_MUTANT").ok(),
            collector: String::new(),
            sections: String::new(),
        }
    }

    /// With one more librdkafka property.
    pub fn property(mut self, name: &str, value: &str) -> Settings {
        self.properties.push((name.into(), value.into()));
        self
    }

    /// Reads little ahead of what it does, so that a backlog has its first outcomes before a slow machine has edited all of it:
    /// what is read ahead is taken in its order.
    pub fn reading_little_ahead(self) -> Settings {
        self.property("queued.max.messages.kbytes", "512")
    }

    /// In a group that begins with what arrives from now on.
    pub fn starting_late(mut self) -> Settings {
        self.start = "latest";
        self
    }

    /// With the rule files of this directory.
    pub fn rules(mut self, directory: &Path) -> Settings {
        self.rules = directory.display().to_string();
        self
    }

    /// Through this proxy.
    pub fn through(mut self, proxy: &Proxy) -> Settings {
        self.brokers = Some(format!("127.0.0.1:{}", proxy.port()));
        self
    }

    /// Dies at this failpoint when it passes it for the `count`th time; needs the feature `failpoints`.
    pub fn dying_at(mut self, failpoint: &str, count: u32) -> Settings {
        self.failpoint = Some(format!("{failpoint}@{count}"));
        self
    }

    /// Freezes at this failpoint when it passes it for the `count`th time, until it is told to go on ([`Signal::Cont`]); needs
    /// the feature `failpoints`.
    pub fn freezing_at(mut self, failpoint: &str, count: u32) -> Settings {
        self.failpoint = Some(format!("{failpoint}@{count}/freeze"));
        self
    }

    /// Panics at this failpoint when it passes it for the `count`th time; needs the feature `failpoints`.
    pub fn panicking_at(mut self, failpoint: &str, count: u32) -> Settings {
        self.failpoint = Some(format!("{failpoint}@{count}/panic"));
        self
    }

    /// With spans going to the collector at this address.
    pub fn collector(mut self, endpoint: &str) -> Settings {
        self.collector = endpoint.into();
        self
    }

    /// With further sections of the configuration, as TOML.
    pub fn sections(mut self, toml: &str) -> Settings {
        self.sections = toml.into();
        self
    }

    /// With this many threads.
    pub fn threads(mut self, threads: u32) -> Settings {
        self.threads = threads;
        self
    }

    /// With this long for a shutdown.
    pub fn shutdown_seconds(mut self, seconds: u32) -> Settings {
        self.shutdown_seconds = seconds;
        self
    }

    /// With this limit on an item's size.
    pub fn max_bytes(mut self, max_bytes: usize) -> Settings {
        self.max_bytes = max_bytes;
        self
    }

    /// The configuration file for this worker at this desk.
    fn toml(&self, desk: &Desk, admin: SocketAddr) -> String {
        let topics = &desk.topics;
        let mut toml = format!(
            "[kafka]\nbrokers = \"{}\"\ngroup = \"{}\"\ninstance = \"{}\"\nstart = \"{}\"\n",
            self.brokers.as_ref().unwrap_or(&desk.bootstrap),
            desk.group,
            self.instance,
            self.start
        );
        if !self.properties.is_empty() {
            toml.push_str("[kafka.properties]\n");
        }
        for (name, value) in &self.properties {
            let _ = writeln!(toml, "\"{name}\" = \"{value}\"");
        }
        let _ = write!(
            toml,
            "[topics]\nraw = \"{}\"\nnormalized = \"{}\"\nseen = \"{}\"\narticles = \"{}\"\nduplicates = \"{}\"\nrejected = \"{}\"\n\
             [worker]\nthreads = {}\n\
             [item]\nmax_bytes = {}\n\
             [dedup]\nwindow_hours = {}\n\
             [edit]\nrules = \"{}\"\n\
             [admin]\nlisten = \"{admin}\"\n\
             [telemetry]\notlp_endpoint = \"{}\"\n\
             [log]\nformat = \"human\"\nlevel = \"info\"\n\
             [shutdown]\ntimeout_seconds = {}\n{}",
            topics.raw,
            topics.normalized,
            topics.seen,
            topics.articles,
            topics.duplicates,
            topics.rejected,
            self.threads,
            self.max_bytes,
            desk.window_hours,
            self.rules,
            self.collector,
            self.shutdown_seconds,
            self.sections,
        );
        toml
    }
}

/// A running worker.
pub struct Worker {
    name: String,
    admin: SocketAddr,
    process: RefCell<Leash>,
    home: TempDir,
}

impl Worker {
    /// Starts a worker of this name and does not wait for it.
    pub fn start(desk: &Desk, instance: &str) -> Worker {
        Worker::start_with(desk, &Settings::named(instance))
    }

    /// Starts a worker with these settings and does not wait for it.
    pub fn start_with(desk: &Desk, settings: &Settings) -> Worker {
        Worker::spawn(desk, settings, "run", &[])
    }

    /// Starts `copydesk COMMAND --config FILE ARGUMENTS` and does not wait for it.
    pub fn spawn(desk: &Desk, settings: &Settings, command: &str, arguments: &[&str]) -> Worker {
        let home = home("worker");
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let config = home.path().join("copydesk.toml");
        fs::write(&config, settings.toml(desk, admin)).expect("the configuration can be written");
        let log = File::create(home.path().join("log")).expect("the log can be written");
        let mut run = copydesk();
        run.arg(command).arg("--config").arg(&config).args(arguments);
        let faults = [("COPYDESK_TEST_FAILPOINT", &settings.failpoint), ("COPYDESK_TEST_MUTANT", &settings.mutant)];
        run.envs(faults.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))));
        run.stdout(log.try_clone().expect("a file handle can be cloned")).stderr(log);
        let process = Leash::spawn(&mut run, home.path()).expect("the copydesk binary starts");
        Worker { name: settings.instance.clone(), admin, process: RefCell::new(process), home }
    }

    /// Runs `copydesk COMMAND --config FILE ARGUMENTS` to its end, and answers its exit code and everything it printed.
    pub fn command(desk: &Desk, command: &str, arguments: &[&str]) -> (Option<i32>, String) {
        Worker::command_with(desk, &Settings::named("a"), command, arguments)
    }

    /// As [`Worker::command`], with these settings.
    pub fn command_with(desk: &Desk, settings: &Settings, command: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let worker = Worker::spawn(desk, settings, command, arguments);
        // What it takes depends on the machine; only a hang is an error.
        let code = worker.exit_code(seconds(600));
        (code, worker.log())
    }

    /// Changes its configuration file.
    pub fn reconfigure(&self, change: impl FnOnce(String) -> String) {
        let file = self.home.path().join("copydesk.toml");
        let toml = fs::read_to_string(&file).expect("the configuration can be read");
        fs::write(file, change(toml)).expect("the configuration can be written");
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.process.borrow_mut().ended().is_some()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.borrow().id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.borrow_mut().signal(signal);
    }

    /// Kills the worker (SIGKILL) and waits until it is gone.
    pub fn kill(self) {
        self.signal(Signal::Kill);
        assert!(self.process.borrow_mut().wait(seconds(10)).is_some(), "SIGKILL ends a process");
    }

    /// Asks the worker to end (SIGTERM), and expects it to leave with code 0.
    #[track_caller]
    pub fn finish(self) {
        self.signal(Signal::Term);
        let code = self.exit_code(seconds(25));
        assert_eq!(code, Some(0), "worker {} after SIGTERM; its log ends in\n{}", self.name, self.log_tail());
    }

    /// Waits for the worker to end by itself. `None` when a signal ended it.
    #[track_caller]
    pub fn exit_code(&self, within: Duration) -> Option<i32> {
        let ended = self.process.borrow_mut().wait(within);
        let ended = ended.unwrap_or_else(|| {
            panic!("worker {} still runs after {within:?}; its log ends in\n{}", self.name, self.log_tail())
        });
        ended.code()
    }

    /// Panics with the worker's log when it has ended.
    #[track_caller]
    pub fn assert_alive(&self) {
        if let Some(status) = self.process.borrow_mut().ended() {
            panic!("worker {} ended ({status}); its log ends in\n{}", self.name, self.log_tail());
        }
    }

    /// Asks the admin server.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn get(&self, path: &str) -> std::io::Result<Answer> {
        http::get(self.admin, path)
    }

    /// Waits until `/readyz` says yes.
    #[track_caller]
    pub fn await_ready(&self) {
        self.await_status("/readyz", 200);
    }

    /// Waits until the worker decides at once what belongs to it.
    #[track_caller]
    pub fn await_short_cut(&self) {
        eventually(&format!("worker {} takes the short cut", self.name), seconds(40), || {
            self.assert_alive();
            if self.log().contains("decided at once") { Ok(()) } else { Err(self.log()) }
        });
    }

    /// Waits until a GET of `path` answers with `status`.
    #[track_caller]
    pub fn await_status(&self, path: &str, status: u16) {
        eventually(&format!("{path} of worker {} answers {status}", self.name), seconds(40), || {
            self.assert_alive();
            let answer = self.get(path).map_err(|error| error.to_string())?;
            if answer.status == status { Ok(()) } else { Err(format!("{} {}", answer.status, answer.body)) }
        });
    }

    /// The sum of a metric's series whose labels contain all of `labels` (as `name="value"`).
    ///
    /// # Errors
    /// When there is no such series, or no answer.
    pub fn metric(&self, name: &str, labels: &[&str]) -> Result<f64, String> {
        let page = self.get("/metrics").map_err(|error| error.to_string())?.body;
        let values: Vec<f64> = series(&page, name, labels).collect();
        if values.is_empty() { Err(format!("no series {name} with {labels:?}")) } else { Ok(values.iter().sum()) }
    }

    /// How many items the worker has committed an outcome of. None, as long as it does not answer.
    pub fn outcomes(&self) -> f64 {
        let page = self.get("/metrics").map(|answer| answer.body).unwrap_or_default();
        let counters = ["copydesk_published_total", "copydesk_duplicates_total", "copydesk_rejected_total"];
        counters.iter().flat_map(|counter| series(&page, counter, &[])).sum()
    }

    /// Everything the worker has logged.
    pub fn log(&self) -> String {
        fs::read(self.log_file()).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        tail(&self.log_file(), 40)
    }

    fn log_file(&self) -> PathBuf {
        self.home.path().join("log")
    }
}

/// The values of a metric's series whose labels contain all of `labels`, on a page of metrics.
fn series<'p>(page: &'p str, name: &'p str, labels: &'p [&str]) -> impl Iterator<Item = f64> + 'p {
    page.lines().filter_map(move |line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (found, of) = series.split_once('{').unwrap_or((series, ""));
        (found == name && labels.iter().all(|label| of.contains(label)))
            .then(|| value.parse::<f64>().expect("a number"))
    })
}

impl Drop for Worker {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- log of worker {} (its last lines) ---\n{}", self.name, self.log_tail());
        }
    }
}

/// The binary under test, without what the environment of the test run would tell it.
fn copydesk() -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_copydesk")));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COPYDESK_") {
            command.env_remove(name);
        }
    }
    command
}
