//! The dead-letter brake: a feed gone wrong halts the worker, which loses nothing and goes on when it is told to.

use std::thread;

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{At, Desk, Raw};
use crate::harness::leash::Signal;
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::{Settings, Worker};

const FEED: i32 = 1;

fn settings(instance: &str, action: &str) -> Settings {
    Settings::named(instance).sections(&format!("[brake]\naction = \"{action}\"\nshare = 0.5\nminimum = 10\n"))
}

/// An item of a feed whose handler cuts envelopes off.
fn cut_off(number: u64) -> Raw {
    Raw::bytes(format!("{{\"text\": \"cut off at {number}")).on(FEED)
}

/// Twenty good items, decided; then forty that nobody can read, and twenty good ones behind them on the same partition.
fn feed_gone_wrong(desk: &mut Desk, worker: &Worker) -> (Vec<At>, Vec<At>) {
    desk.send((0..20).map(|number| Raw::from(&story(number))));
    desk.settle(&[worker]);
    let bad = desk.send((0..40).map(cut_off));
    let behind = desk.send((20..40).map(|number| Raw::from(&story(number)).on(FEED)));
    (bad, behind)
}

#[track_caller]
fn await_halt(worker: &Worker, counts: &str) {
    eventually("the brake holds", seconds(60), || {
        worker.assert_alive();
        let ready = worker.get("/readyz").map_err(|error| error.to_string())?;
        let said = format!("halted: {counts} within 300 s became dead letters, the last of them as bad_envelope");
        if ready.status == 503 && ready.body.contains(&said) { Ok(()) } else { Err(ready.body) }
    });
    eventually("its partitions are shown as halted", seconds(30), || {
        let halted = worker.metric("copydesk_partitions", &["state=\"halted\"", "topic=\"raw\""])?;
        let active = worker.metric("copydesk_partitions", &["state=\"active\"", "topic=\"normalized\""])?;
        if (halted, active) == (4.0, 4.0) { Ok(()) } else { Err(format!("{halted} halted, {active} active")) }
    });
    assert_eq!(worker.get("/livez").expect("it answers").status, 200, "a restart would not help");
}

#[test]
fn a_feed_gone_wrong_halts_the_worker_and_each_release_lets_it_go_on_where_it_stands() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start_with(&desk, &settings("a", "halt"));
    let (bad, behind) = feed_gone_wrong(&mut desk, &worker);

    // Twenty of forty are half; then ten of ten are enough, twice, until the window has no bad item left to read.
    for (round, (counts, dead)) in
        [("20 of 40 raw items", 20), ("10 of 10 raw items", 30), ("10 of 10 raw items", 40)].into_iter().enumerate()
    {
        await_halt(&worker, counts);
        desk.outcomes().await_total(20 + dead, &[&worker]);
        thread::sleep(seconds(1));
        desk.outcomes().await_total(20 + dead, &[&worker]);
        let next = desk.committed(&desk.topics.raw)[&FEED];
        assert_eq!(
            next,
            bad[0].offset + dead as i64,
            "what is committed is what became a dead letter, and no item more"
        );
        let halts = worker.metric("copydesk_brake_total", &["event=\"halted\""]).expect("the series exists");
        assert_eq!(halts, (round + 1) as f64);
        worker.signal(Signal::Hup);
        eventually("it is released", seconds(40), || {
            let released = worker.log().matches("released: raw items are read again").count();
            if released == round + 1 { Ok(()) } else { Err(released.to_string()) }
        });
    }

    let ledger = desk.close(vec![worker]);
    assert_eq!(ledger.published_of(&behind), 20);
    assert_eq!((ledger.articles.len(), ledger.rejected.len()), (40, 40));
}

#[test]
fn a_halted_worker_ends_in_order_and_one_that_only_warns_goes_on_behind_it() {
    let mut desk = Desk::open(Broker::shared());
    let halted = Worker::start_with(&desk, &settings("a", "halt"));
    let (_, behind) = feed_gone_wrong(&mut desk, &halted);
    await_halt(&halted, "20 of 40 raw items");
    halted.finish();

    let worker = Worker::start_with(&desk, &settings("a", "warn"));
    let ledger = {
        desk.settle(&[&worker]);
        let log = worker.log();
        assert_eq!(log.matches("raw items within 300 s became dead letters").count(), 1, "{log}");
        assert_eq!(worker.metric("copydesk_brake_total", &["event=\"warned\""]), Ok(1.0));
        desk.close(vec![worker])
    };
    assert_eq!(ledger.published_of(&behind), 20);
    assert_eq!((ledger.articles.len(), ledger.rejected.len()), (40, 40));
}
