//! spike
use copydesk::{
    config::Config,
    edit::Desk,
    stream::{self, Layout, Service},
    telemetry::{Health, Metrics},
};
use rdkafka::{admin::*, client::DefaultClientContext, config::ClientConfig, consumer::*, producer::*};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn rss() -> String {
    std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS"))
        .collect::<Vec<_>>()
        .join(" ")
}
fn main() {
    copydesk::telemetry::logging::init(false, &std::env::var("LOG").unwrap_or("info".into())).unwrap();
    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let rate: usize = std::env::args().nth(2).map_or(0, |r| r.parse().unwrap());
    let brokers = "127.0.0.1:29092";
    let tag = format!("t{}", std::process::id());
    let mut config = Config::default();
    config.kafka.brokers = brokers.into();
    config.kafka.group = tag.clone();
    let t = &mut config.topics;
    for x in [&mut t.raw, &mut t.normalized, &mut t.seen, &mut t.articles, &mut t.duplicates, &mut t.rejected] {
        *x = format!("{tag}.{x}");
    }
    for kv in std::env::var("PROPS").unwrap_or_default().split(',').filter(|s| !s.is_empty()) {
        let (k, v) = kv.split_once('=').unwrap();
        config.kafka.properties.insert(k.into(), v.into());
    }
    let t = config.topics.clone();
    let rt = tokio::runtime::Runtime::new().unwrap();
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let all = [&t.raw, &t.normalized, &t.seen, &t.articles, &t.duplicates, &t.rejected];
    let news: Vec<NewTopic> = all.iter().map(|n| NewTopic::new(n, 4, TopicReplication::Fixed(1))).collect();
    rt.block_on(admin.create_topics(&news, &AdminOptions::new())).unwrap();
    let data = std::fs::read("/tmp/kafka/items.dat").unwrap();
    let items: Vec<&[u8]> = data.split(|b| *b == 0x1e).filter(|i| i.len() > 10).take(n).collect();
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("queue.buffering.max.messages", "1000000")
        .set("linger.ms", if rate > 0 { "0" } else { "50" })
        .create()
        .unwrap();
    let feed = {
        let items: Vec<Vec<u8>> = items.iter().map(|i| i.to_vec()).collect();
        let raw = t.raw.clone();
        move || {
            let start = Instant::now();
            for (i, item) in items.iter().enumerate() {
                if rate > 0 {
                    let due = Duration::from_secs_f64(i as f64 / rate as f64);
                    while start.elapsed() < due {
                        std::thread::sleep(Duration::from_micros(500));
                    }
                }
                let mut rec = BaseRecord::<(), [u8]>::to(&raw).partition((i % 4) as i32).payload(item);
                while let Err((_, r)) = producer.send(rec) {
                    rec = r;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            producer.flush(Duration::from_secs(60)).unwrap();
        }
    };
    let metrics = Metrics::new("x");
    let health = Health::new(1);
    let service =
        Service { config: config.clone(), desk: Arc::new(Desk::builtin().unwrap()), metrics: metrics.clone(), health };
    let layout = Layout { partitions: 4, max_record_bytes: 1_000_000, max_rejected_bytes: 1_000_000 };
    if rate == 0 {
        feed();
    } else {
        std::thread::spawn(feed);
    }
    println!("fed; cpu {:.2}", cpu());
    let (c0, t0) = (cpu(), Instant::now());
    let running = stream::start(&service, layout).unwrap();
    let get = |name: &str| -> f64 {
        metrics
            .render()
            .unwrap()
            .lines()
            .filter(|l| l.starts_with(name) && !l.starts_with('#'))
            .map(|l| l.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    };
    let mut first = None;
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let done = get("copydesk_published_total") + get("copydesk_duplicates_total") + get("copydesk_rejected_total");
        if done > 0.0 && first.is_none() {
            first = Some((t0.elapsed(), cpu()));
        }
        if done >= n as f64 || t0.elapsed() > Duration::from_secs(120) {
            break;
        }
    }
    let el = t0.elapsed();
    let c = cpu();
    let f = first.unwrap();
    println!(
        "first after {:?}; {n} items in {:.2}s = {:.0}/s (since first {:.0}/s); cpu {:.1} us/item; {}",
        f.0,
        el.as_secs_f64(),
        n as f64 / el.as_secs_f64(),
        n as f64 / (el - f.0).as_secs_f64(),
        (c - c0) / n as f64 * 1e6,
        rss()
    );
    for l in metrics.render().unwrap().lines().filter(|l| {
        !l.starts_with('#')
            && (l.contains("transactions_total")
                || l.contains("published")
                || l.contains("duplicates")
                || l.contains("commit_duration")
                || l.contains("latency")
                || l.contains("rejected_total{reason"))
    }) {
        if !l.ends_with(" 0") {
            println!("{l}");
        }
    }
    for t in std::fs::read_dir("/proc/self/task").unwrap() {
        let p = t.unwrap().path();
        let s = std::fs::read_to_string(p.join("stat")).unwrap();
        let (a, b) = s.rsplit_once(')').unwrap();
        let f: Vec<&str> = b.split_whitespace().collect();
        let (u, k) = (f[11].parse::<f64>().unwrap(), f[12].parse::<f64>().unwrap());
        if u + k > 5.0 {
            println!("{:40} user {:.1} sys {:.1} us/item", a, u * 1e4 / n as f64, k * 1e4 / n as f64);
        }
    }
    running.stop();
    println!("{:?}", running.wait());
    println!("{:?}", t0.elapsed() - el);
    rt.block_on(admin.delete_topics(&all.map(|s| s.as_str()), &AdminOptions::new())).unwrap();
    let _ = DefaultConsumerContext;
}
