//! Apache Kafka's jars, fetched through Maven once and kept under `target/`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The broker version the guarantees are tested against.
pub const VERSION: &str = "4.3.1";

/// The version for brokers that crash. From 4.1 to at least 4.3.1 a broker that starts over completes the transactions it
/// finds without their markers, because its partitions have no leader yet (KAFKA-20734). What was aborted is then committed
/// with the producer's next transaction, and what was committed hides from readers for good. No client can repair that.
pub const VERSION_FOR_CRASHES: &str = "4.0.1";

const MISSING: &str = "the Kafka tests need Java 17 or later and Maven (Debian: apt-get install default-jre-headless maven), \
    or COPYDESK_TEST_BOOTSTRAP=HOST:PORT of a Kafka broker to use instead";

/// The cached installation: `libs/` with the jars, `storage/` with a freshly formatted data directory.
#[derive(Clone, Debug)]
pub struct Jars {
    version: &'static str,
    home: PathBuf,
}

impl Jars {
    /// Finds the jars in the cache, or fills it. Parallel test processes take turns.
    ///
    /// # Errors
    /// One line that says what is missing.
    pub fn get(version: &'static str) -> Result<Jars, String> {
        if !installed("java", "-version") {
            return Err(MISSING.into());
        }
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's tmp directory lies in target/");
        let home = target.join(format!("kafka-{version}"));
        let say = |error: std::io::Error| format!("cannot use {}: {error}", home.display());
        fs::create_dir_all(&home).map_err(say)?;
        let lock = File::create(home.join("lock")).map_err(say)?;
        lock.lock().map_err(say)?;
        let jars = Jars { version, home: home.clone() };
        if !jars.libs().exists() {
            jars.fetch()?;
        }
        if !jars.storage().exists() {
            // Formatting costs a second of Java, and its result is two small files that name no host and no port.
            let partial = jars.home.join("storage.partial");
            let _ = fs::remove_dir_all(&partial);
            let properties = partial.with_extension("properties");
            fs::write(&properties, server_properties(&partial, 9092, 9093)).map_err(|error| error.to_string())?;
            jars.format(&properties, &[])?;
            fs::rename(&partial, jars.storage()).map_err(|error| error.to_string())?;
        }
        Ok(jars)
    }

    /// `java` with the class path set.
    pub fn java(&self) -> Command {
        let mut java = Command::new("java");
        java.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn").arg("-cp").arg(self.libs().join("*"));
        java
    }

    /// A formatted, empty data directory to copy.
    pub fn storage(&self) -> PathBuf {
        self.home.join("storage")
    }

    fn libs(&self) -> PathBuf {
        self.home.join("libs")
    }

    fn fetch(&self) -> Result<(), String> {
        if !installed("mvn", "--version") {
            return Err(MISSING.into());
        }
        let partial = self.home.join("libs.partial");
        let pom = self.home.join("pom.xml");
        let _ = fs::remove_dir_all(&partial);
        fs::write(&pom, pom_xml(self.version)).map_err(|error| error.to_string())?;
        let mut mvn = Command::new("mvn");
        mvn.args(["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"])
            .arg(format!("-DoutputDirectory={}", partial.display()))
            .arg("-f")
            .arg(&pom);
        run(&mut mvn, "Maven could not fetch Apache Kafka")?;
        fs::rename(&partial, self.libs()).map_err(|error| error.to_string())
    }

    /// Formats the data directory of these settings; `further` are arguments such as `--add-scram`.
    ///
    /// # Errors
    /// What the tool says.
    pub fn format(&self, properties: &Path, further: &[&str]) -> Result<(), String> {
        let mut format = self.java();
        format.args(["kafka.tools.StorageTool", "format", "-t", "Y29weWRlc2sgdGVzdHMuLg", "-c"]).arg(properties);
        run(format.args(further), "Kafka's storage could not be formatted")
    }
}

/// The settings of a one-node cluster for tests: nothing replicated, and quick to start a group.
pub fn server_properties(data: &Path, broker_port: u16, controller_port: u16) -> String {
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
         listeners=PLAINTEXT://127.0.0.1:{broker_port},CONTROLLER://127.0.0.1:{controller_port}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{broker_port}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         log.dirs={data}\n\
         auto.create.topics.enable=false\n\
         broker.heartbeat.interval.ms=500\n\
         broker.session.timeout.ms=3000\n\
         group.initial.rebalance.delay.ms=0\n\
         group.min.session.timeout.ms=1000\n\
         offsets.topic.num.partitions=4\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.num.partitions=4\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.abort.timed.out.transaction.cleanup.interval.ms=1000\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         log.cleaner.dedupe.buffer.size=2097152\n",
        data = data.display()
    )
}

fn pom_xml(kafka: &str) -> String {
    let dependency = |group: &str, artifact: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
        )
    };
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>copydesk</groupId><artifactId>test-broker</artifactId><version>1</version><dependencies>{}{}</dependencies>\
         </project>",
        dependency("org.apache.kafka", "kafka_2.13", kafka),
        dependency("org.slf4j", "slf4j-simple", "1.7.36"),
    )
}

fn installed(program: &str, question: &str) -> bool {
    let asked = Command::new(program).arg(question).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

fn run(command: &mut Command, failed: &str) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{failed}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let first = said.lines().find(|line| line.contains("ERROR")).or(said.lines().next()).unwrap_or("no output");
    Err(format!("{failed}: {first}"))
}
