//! On a broker with an authorizer: `copydesk check --connect` names each right, topic and setting that is missing, and the
//! documented rights are enough, for a worker and for those who operate it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};

use crate::harness::broker::{Broker, free_port};
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw, admin, block_on};
use crate::harness::reader::Isolation;
use crate::harness::worker::{Settings, Worker};

/// The user with every right that deploy/README.md lists for a worker, and no other.
const ENTITLED: &str = "desk";
/// The same for those who operate it.
const OPERATOR: &str = "operator";

/// Codes of the protocol.
const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const TRANSACTIONAL_ID: i8 = 5;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const ALL: i8 = 2;
const READ: i8 = 3;
const WRITE: i8 = 4;
const CREATE: i8 = 5;
const DESCRIBE: i8 = 8;
const DESCRIBE_CONFIGS: i8 = 10;
const DENY: i8 = 2;
const ALLOW: i8 = 3;

/// Something that rights are given on.
#[derive(Clone, Debug)]
struct Resource {
    kind: i8,
    name: String,
    pattern: i8,
}

impl Resource {
    fn topic(name: &str) -> Resource {
        Resource { kind: TOPIC, name: name.into(), pattern: LITERAL }
    }

    fn group(name: &str) -> Resource {
        Resource { kind: GROUP, name: name.into(), pattern: LITERAL }
    }

    fn transactions(desk: &Desk) -> Resource {
        Resource { kind: TRANSACTIONAL_ID, name: format!("{}-", desk.group), pattern: PREFIXED }
    }
}

/// A broker that anonymous clients of its plain listener may ask everything, and users of the other what they have rights for.
struct Guarded {
    broker: Broker,
    port: u16,
}

impl Guarded {
    /// Everybody's password is the name.
    fn start(users: &[&str]) -> Guarded {
        let port = free_port();
        let logins: String = users.iter().map(|user| format!(" user_{user}=\"{user}\"")).collect();
        let broker = Broker::private_with(|plain, controller| {
            format!(
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,GUARDED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT\n\
                 listeners=PLAINTEXT://127.0.0.1:{plain},GUARDED://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
                 advertised.listeners=PLAINTEXT://127.0.0.1:{plain},GUARDED://127.0.0.1:{port}\n\
                 listener.name.guarded.sasl.enabled.mechanisms=PLAIN\n\
                 listener.name.guarded.plain.sasl.jaas.config=\
                 org.apache.kafka.common.security.plain.PlainLoginModule required{logins};\n\
                 authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
                 super.users=User:ANONYMOUS\n"
            )
        });
        Guarded { broker, port }
    }

    /// A worker's settings as this user.
    fn login(&self, user: &str, password: &str) -> Settings {
        let mut settings = Settings::named(user)
            .property("security.protocol", "sasl_plaintext")
            .property("sasl.mechanism", "PLAIN")
            .property("sasl.username", user)
            .property("sasl.password", password);
        settings.brokers = Some(format!("127.0.0.1:{}", self.port));
        settings
    }

    fn check(&self, desk: &Desk, user: &str) -> (Option<i32>, String) {
        Worker::command_with(desk, &self.login(user, user), "check", &["--connect"])
    }

    /// Gives or takes rights, by a CreateAcls request of version 1: no client library of ours has one.
    fn permit(&self, rights: &[(String, &Resource, i8, i8)]) {
        let mut request = [30_i16.to_be_bytes(), 1_i16.to_be_bytes()].concat();
        request.extend(7_i32.to_be_bytes());
        text(&mut request, "tests");
        request.extend(i32::try_from(rights.len()).expect("few").to_be_bytes());
        for (user, resource, operation, permission) in rights {
            request.extend(resource.kind.to_be_bytes());
            text(&mut request, &resource.name);
            request.extend(resource.pattern.to_be_bytes());
            text(&mut request, &format!("User:{user}"));
            text(&mut request, "*");
            request.extend([operation.to_be_bytes(), permission.to_be_bytes()].concat());
        }
        let mut broker = TcpStream::connect(self.broker.bootstrap()).expect("the broker listens");
        let size = u32::try_from(request.len()).expect("short").to_be_bytes();
        broker.write_all(&[&size[..], &request].concat()).expect("the broker reads");
        let mut size = [0; 4];
        broker.read_exact(&mut size).expect("the broker answers");
        let mut answer = vec![0; u32::from_be_bytes(size) as usize];
        broker.read_exact(&mut answer).expect("the broker answers");
        // Correlation id, throttle time, number of results; of each result its error, and no message.
        let (head, results) = answer.split_at(12);
        assert_eq!(head[8..], i32::try_from(rights.len()).expect("few").to_be_bytes());
        let errors = results.chunks(4).filter(|result| !result.starts_with(&[0, 0])).count();
        assert_eq!((results.len(), errors), (4 * rights.len(), 0), "{}", String::from_utf8_lossy(results));
    }
}

fn text(request: &mut Vec<u8>, text: &str) {
    request.extend(i16::try_from(text.len()).expect("short").to_be_bytes());
    request.extend(text.as_bytes());
}

/// The table of deploy/README.md.
fn rights_of_a_worker(desk: &Desk) -> Vec<(Resource, Vec<i8>)> {
    let topics = &desk.topics;
    let topic =
        |name: &str, operations: &[i8]| (Resource::topic(name), [operations, &[DESCRIBE, DESCRIBE_CONFIGS]].concat());
    vec![
        topic(&topics.raw, &[READ]),
        topic(&topics.normalized, &[READ, WRITE]),
        topic(&topics.seen, &[READ, WRITE]),
        topic(&topics.articles, &[WRITE]),
        topic(&topics.duplicates, &[WRITE]),
        topic(&topics.rejected, &[WRITE]),
        (Resource::group(&desk.group), vec![READ, DESCRIBE]),
        (Resource::transactions(desk), vec![WRITE, DESCRIBE]),
    ]
}

/// The other table of deploy/README.md.
fn rights_of_an_operator(desk: &Desk) -> Vec<(Resource, Vec<i8>)> {
    let topics = &desk.topics;
    let replay = format!("{}-replay", desk.group);
    let mut rights: Vec<_> =
        topics.all().into_iter().map(|name| (Resource::topic(name), vec![READ, DESCRIBE, DESCRIBE_CONFIGS])).collect();
    rights.extend([&topics.raw, &topics.normalized].map(|name| (Resource::topic(name), vec![WRITE])));
    rights.push((Resource::group(&desk.group), vec![DESCRIBE]));
    rights.push((Resource::group(&replay), vec![READ]));
    rights.push((Resource { kind: TRANSACTIONAL_ID, name: replay, pattern: LITERAL }, vec![WRITE, DESCRIBE]));
    rights
}

fn granted<'r>(user: &str, rights: &'r [(Resource, Vec<i8>)]) -> Vec<(String, &'r Resource, i8, i8)> {
    let each = |(resource, operations): &'r (Resource, Vec<i8>)| {
        operations.iter().map(move |operation| (user.to_owned(), resource, *operation, ALLOW))
    };
    rights.iter().flat_map(each).collect()
}

/// Every right that may be missing: the user who lacks it, on what, which, and what the check says.
fn lacks(desk: &Desk) -> Vec<(&'static str, Resource, i8, Vec<String>)> {
    let topics = &desk.topics;
    let group = &desk.group;
    let read = |topic: &str| vec![format!("cannot read {topic}"), "grant READ on the topic".into()];
    let write = |topic: &str| vec![format!("cannot write to {topic}"), "grant WRITE on the topic".into()];
    let topic = Resource::topic;
    let transactions = vec![format!("grant WRITE and DESCRIBE on transactional ids {group}-*")];
    vec![
        ("raw-read", topic(&topics.raw), READ, read(&topics.raw)),
        ("normalized-read", topic(&topics.normalized), READ, read(&topics.normalized)),
        ("seen-read", topic(&topics.seen), READ, read(&topics.seen)),
        ("normalized-write", topic(&topics.normalized), WRITE, write(&topics.normalized)),
        ("seen-write", topic(&topics.seen), WRITE, write(&topics.seen)),
        ("articles-write", topic(&topics.articles), WRITE, write(&topics.articles)),
        ("duplicates-write", topic(&topics.duplicates), WRITE, write(&topics.duplicates)),
        ("rejected-write", topic(&topics.rejected), WRITE, write(&topics.rejected)),
        (
            "articles-all",
            topic(&topics.articles),
            ALL,
            vec![format!("{} does not exist, or we may not see it", topics.articles), "grant DESCRIBE on it".into()],
        ),
        ("group-read", Resource::group(&desk.group), READ, vec!["grant READ on the group".into()]),
        ("transactions-write", Resource::transactions(desk), WRITE, transactions.clone()),
        ("transactions-all", Resource::transactions(desk), ALL, transactions),
    ]
}

/// What is wrong with what a check said, if it does not tell the one right that is missing.
fn unnamed(user: &str, expected: &[String], code: Option<i32>, said: &str) -> Option<String> {
    let bad: Vec<&str> = said.lines().filter(|line| line.starts_with('✗')).collect();
    let named = bad.len() == 1 && expected.iter().all(|words| bad[0].contains(words));
    let problem = || format!("{user} lacks one right, which is to be told as {expected:?}:\n{said}");
    (code != Some(1) || !named).then(problem)
}

#[test]
fn a_check_names_each_right_that_is_missing_and_the_documented_ones_are_enough() {
    let settings_unread = "seen-describe-configs";
    let users: Vec<&str> = lacks(&Desk::without_topics("127.0.0.1:1")).into_iter().map(|(user, ..)| user).collect();
    let guarded = Guarded::start(&[&users[..], &[ENTITLED, settings_unread]].concat());
    let mut desk = Desk::without_topics(guarded.broker.bootstrap());
    let lacks = lacks(&desk);

    let rights = rights_of_a_worker(&desk);
    let prefix = Resource { kind: TOPIC, name: desk.topics.raw.replace("raw", ""), pattern: PREFIXED };
    let seen = Resource::topic(&desk.topics.seen);
    let mut permissions = vec![("*".to_owned(), &prefix, CREATE, ALLOW)];
    permissions.extend(granted("*", &rights));
    // What is denied to one is missing to that one alone.
    permissions.extend(lacks.iter().map(|(user, resource, right, _)| ((*user).to_owned(), resource, *right, DENY)));
    permissions.push((settings_unread.into(), &seen, DESCRIBE_CONFIGS, DENY));
    guarded.permit(&permissions);

    let create = ["--create", "--partitions", "4", "--replication", "1"];
    let (code, said) = Worker::command_with(&desk, &guarded.login(ENTITLED, ENTITLED), "topics", &create);
    assert_eq!(code, Some(0), "CREATE is enough to create:\n{said}");

    let unnamed: Vec<String> = thread::scope(|scope| {
        let checks: Vec<_> = lacks.iter().map(|(user, ..)| scope.spawn(|| guarded.check(&desk, user))).collect();
        let said = checks.into_iter().map(|check| check.join().expect("the check ends"));
        lacks
            .iter()
            .zip(said)
            .filter_map(|((user, _, _, expected), (code, said))| unnamed(user, expected, code, &said))
            .collect()
    });
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
    let (code, said) = guarded.check(&desk, settings_unread);
    assert_eq!(code, Some(0), "only unwise:\n{said}");
    // That the password goes over the wire as it is, the check finds as well, and rightly.
    let told = |line: &&str| !line.starts_with("! connection");
    let unwise: Vec<&str> = said.lines().filter(told).filter(|line| line.starts_with('!')).collect();
    let expected = format!("settings of {} not checked; grant DESCRIBE_CONFIGS on it", desk.topics.seen);
    assert!(matches!(unwise[..], [line] if line.contains(&expected)), "{said}");

    let (code, said) =
        Worker::command_with(&desk, &guarded.login(ENTITLED, "a password of before"), "check", &["--connect"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("✗ brokers") && said.contains("refuse this user"), "{said}");
    assert!(!said.contains("a password of before"), "{said}");

    let (code, said) = guarded.check(&desk, ENTITLED);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.lines().filter(told).all(|line| line.starts_with('✓')), "{said}");
    let worker = Worker::start_with(&desk, &guarded.login(ENTITLED, ENTITLED));
    let item = desk.send_one(&story(1));
    desk.settle(&[&worker]);
    let ledger = desk.close(vec![worker]);
    assert_eq!(ledger.published_of(&[item]), 1, "the documented rights are enough to run");
}

#[test]
fn the_rights_documented_for_those_who_operate_it_are_enough() {
    let guarded = Guarded::start(&[ENTITLED, OPERATOR]);
    let mut desk = Desk::open(&guarded.broker);
    let (worker_rights, operator_rights) = (rights_of_a_worker(&desk), rights_of_an_operator(&desk));
    guarded.permit(&[granted(ENTITLED, &worker_rights), granted(OPERATOR, &operator_rights)].concat());
    let worker = Worker::start_with(&desk, &guarded.login(ENTITLED, ENTITLED));
    desk.send_one(&story(1));
    desk.send_one(&story(1));
    desk.send_one(Raw::bytes(" "));
    desk.settle(&[&worker]);
    let hash =
        desk.read(&desk.topics.articles, Isolation::Committed)[0].header("copydesk-hash").expect("a hash").to_owned();

    let as_user = |user: &str, line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        Worker::command_with(&desk, &guarded.login(user, user), words[0], &words[1..])
    };
    let taps = ["raw", "normalized", "seen", "articles", "duplicates", "rejected"];
    let taps = taps.map(|topic| format!("tap {topic} --from earliest --end"));
    let others = [
        "topics",
        "verify",
        "replay --reason empty --dry-run",
        "replay --reason empty --resume",
        "replay raw --since 1h",
    ];
    for line in taps.into_iter().chain(others.map(str::to_owned)).chain([format!("forget {hash}")]) {
        let (code, said) = as_user(OPERATOR, &line);
        assert_eq!(code, Some(0), "{line}: {said}");
    }
    for line in ["tap rejected --from earliest --end", "verify", "replay --reason empty"] {
        let (code, said) = as_user(ENTITLED, line);
        assert!(
            code == Some(1) && said.contains("authorization failed"),
            "the workers' rights are not for this: {line}: {said}"
        );
    }
    worker.finish();
}

#[test]
fn a_check_names_each_topic_and_setting_that_is_wrong() {
    let desk = Desk::without_topics(Broker::shared().bootstrap());
    let topics = &desk.topics;
    let admin = admin(&desk.bootstrap);
    let topic = |name| NewTopic::new(name, 4, TopicReplication::Fixed(1));
    let wrong = [
        topic(&topics.raw).set("cleanup.policy", "compact"),
        topic(&topics.normalized).set("cleanup.policy", "compact").set("retention.bytes", "1000000"),
        topic(&topics.seen).set("cleanup.policy", "compact,delete").set("retention.ms", "3600000"),
    ];
    let created = block_on(admin.create_topics(&wrong, &AdminOptions::new())).expect("the broker answers");
    assert!(created.iter().all(Result::is_ok), "{created:?}");
    let (code, said) = Worker::command(&desk, "check", &["--connect"]);
    assert_eq!(code, Some(1), "{said}");
    for (mark, topic, finding) in [
        ('!', &topics.raw, "is compacted"),
        ('✗', &topics.normalized, "is compacted"),
        ('!', &topics.normalized, "is bounded in bytes"),
        ('✗', &topics.seen, "forgets after 1 h"),
        ('✗', &topics.articles, "does not exist"),
        ('✗', &topics.duplicates, "does not exist"),
        ('✗', &topics.rejected, "does not exist"),
    ] {
        let told =
            said.lines().any(|line| line.starts_with(mark) && line.contains(topic.as_str()) && line.contains(finding));
        assert!(told, "{mark} {topic} {finding}:\n{said}");
    }
}
