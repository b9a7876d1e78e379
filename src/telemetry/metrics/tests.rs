use std::collections::{BTreeMap, BTreeSet};

use super::*;

const TABLE: &str = include_str!("../../../docs/metrics.md");

/// What a metric is to somebody who queries it: its type and its labels.
type Contract = BTreeMap<String, (String, BTreeSet<String>)>;

/// Metrics in which every series exists, those of partitions too.
fn complete() -> Metrics {
    let metrics = Metrics::new("test-rules");
    metrics.set_restore_remaining(0, 1);
    metrics.set_dedup_entries(0, 1);
    metrics.set_lag(Input::Raw, 0, 1);
    metrics.committed(&items_of(&[Some("UPI")]), Duration::ZERO, 0);
    metrics
}

/// A transaction that edited one item of each of these sources.
fn items_of(sources: &[Option<&str>]) -> Counts {
    let mut counts = Counts::default();
    sources.iter().for_each(|source| counts.normalized(*source));
    counts
}

fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = metrics.render().unwrap();
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

fn served() -> Contract {
    let text = complete().render().unwrap();
    let mut contract = Contract::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE copydesk_")) {
        let (name, kind) = line.split_once(' ').unwrap();
        contract.insert(format!("copydesk_{name}"), (kind.to_owned(), BTreeSet::new()));
    }
    for line in text.lines().filter(|line| line.starts_with("copydesk_")) {
        let Some((series, rest)) = line.split_once('{') else { continue };
        let (labels, _) = rest.rsplit_once('}').unwrap();
        let family = contract.keys().filter(|name| series.starts_with(name.as_str())).max_by_key(|name| name.len());
        let (_, known) = contract.get_mut(&family.unwrap().clone()).unwrap();
        known.extend(labels.split(',').map(|label| label.split('=').next().unwrap().to_owned()).filter(|l| l != "le"));
    }
    contract
}

fn documented() -> Contract {
    let mut contract = Contract::new();
    for row in TABLE.lines().filter(|line| line.starts_with("| `copydesk_")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[3].split(',').map(|label| label.trim().trim_matches('`')).filter(|label| !label.is_empty());
        let name = cells[1].trim_matches('`').to_owned();
        contract.insert(name, (cells[2].to_owned(), labels.map(str::to_owned).collect()));
    }
    contract
}

#[test]
fn the_documented_table_is_what_the_server_serves() {
    assert_eq!(documented(), served());
}

#[test]
fn every_documented_label_value_is_one_of_its_enum_and_none_is_missing() {
    fn codes<T: Copy>(all: &[T], code: fn(T) -> &'static str) -> BTreeSet<String> {
        all.iter().map(|value| code(*value).to_owned()).collect()
    }
    let expected = [
        ("stage", codes(Stage::ALL, Stage::code)),
        ("topic", codes(Input::ALL, Input::code)),
        ("kind` of duplicates", codes(DuplicateKind::ALL, DuplicateKind::code)),
        ("kind` of rebalances", codes(RebalanceKind::ALL, RebalanceKind::code)),
        ("outcome` of transactions", codes(TxnOutcome::ALL, TxnOutcome::code)),
        ("outcome` of reloads", codes(ReloadOutcome::ALL, ReloadOutcome::code)),
        ("event", codes(BrakeEvent::ALL, BrakeEvent::code)),
        ("state", codes(PartitionState::ALL, PartitionState::code)),
        ("reason", codes(&Reason::ALL, Reason::code)),
    ];
    for (label, codes) in expected {
        let row =
            TABLE.lines().find(|line| line.starts_with(&format!("| `{label}"))).unwrap_or_else(|| panic!("{label}"));
        let cell = row.split('|').nth(2).unwrap();
        let documented: BTreeSet<String> =
            cell.split(',').map(|code| code.trim().trim_matches('`').to_owned()).collect();
        assert_eq!(documented, codes, "{label}");
    }
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    for (name, (kind, _)) in served() {
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        let units = ["_seconds", "_bytes", "_records", "_total", "_items", "_entries", "_partitions", "_info"];
        assert!(units.iter().any(|unit| name.ends_with(unit)), "{name} has no unit");
    }
}

#[test]
fn closed_series_exist_before_the_first_event() {
    let metrics = Metrics::new("r");
    for series in [
        r#"copydesk_duplicates_total{kind="replay"}"#,
        r#"copydesk_rejected_total{reason="too_large",stage="normalize"}"#,
        r#"copydesk_transactions_total{outcome="aborted"}"#,
        r#"copydesk_rebalances_total{kind="lost"}"#,
        r#"copydesk_partitions{state="restoring",topic="normalized"}"#,
        "copydesk_published_total",
        "copydesk_latency_seconds_count",
    ] {
        assert_eq!(value(&metrics, series), Some(0.0), "{series}");
    }
    let build = format!(r#"copydesk_build_info{{rules="r",version="{}"}}"#, env!("CARGO_PKG_VERSION"));
    assert_eq!(value(&metrics, &build), Some(1.0));
}

#[test]
fn a_committed_transaction_is_counted_once_and_wholly() {
    let metrics = Metrics::new("r");
    let mut counts =
        Counts { raw_items: 3, raw_bytes: 600, arrived: 2, handed_on: 1, ..items_of(&[Some("UPI"), Some("UPI")]) };
    counts.rejected(Stage::Normalize, Reason::Empty, None);
    counts.published(1_000);
    counts.duplicate(DuplicateKind::Copy, 1_900, Some("UPI"));
    assert_eq!(counts.records(), 5);
    metrics.committed(&counts, Duration::from_millis(15), 2_000);
    for (series, expected) in [
        ("copydesk_raw_items_total", 3.0),
        ("copydesk_raw_bytes_total", 600.0),
        ("copydesk_normalized_total", 2.0),
        ("copydesk_handed_on_total", 1.0),
        (r#"copydesk_source_items_total{source="UPI"}"#, 2.0),
        (r#"copydesk_source_duplicates_total{source="UPI"}"#, 1.0),
        (r#"copydesk_source_rejected_total{source="UPI"}"#, 0.0),
        (r#"copydesk_source_rejected_total{source="unnamed"}"#, 1.0),
        ("copydesk_published_total", 1.0),
        (r#"copydesk_duplicates_total{kind="copy"}"#, 1.0),
        (r#"copydesk_rejected_total{reason="empty",stage="normalize"}"#, 1.0),
        (r#"copydesk_transactions_total{outcome="committed"}"#, 1.0),
        ("copydesk_transaction_items_sum", 5.0),
        ("copydesk_commit_duration_seconds_sum", 0.015),
        ("copydesk_latency_seconds_count", 2.0),
        ("copydesk_latency_seconds_sum", 1.1),
        (r#"copydesk_latency_seconds_bucket{le="0.1"}"#, 1.0),
    ] {
        let found = value(&metrics, series).unwrap_or_else(|| panic!("{series}"));
        assert!((found - expected).abs() < 1e-9, "{series}: {found}, not {expected}");
    }
}

#[test]
fn a_reload_changes_the_rules_that_are_shown_only_where_it_is_done() {
    let metrics = Metrics::new("r");
    let shown = |rules: &str| {
        value(&metrics, &format!(r#"copydesk_build_info{{rules="{rules}",version="{}"}}"#, env!("CARGO_PKG_VERSION")))
    };
    let time = |outcome: &str| {
        value(&metrics, &format!(r#"copydesk_reload_timestamp_seconds{{outcome="{outcome}"}}"#)).unwrap()
    };
    metrics.reloaded(ReloadOutcome::Refused, "s");
    assert_eq!((shown("r"), shown("s")), (Some(1.0), None));
    assert!(time("refused") > 1e9 && time("done") == 0.0);
    metrics.reloaded(ReloadOutcome::Done, "s");
    assert_eq!((shown("r"), shown("s")), (None, Some(1.0)));
    assert!(time("done") >= time("refused"));
    metrics.reloaded(ReloadOutcome::Done, "s");
    assert_eq!(shown("s"), Some(1.0));
    assert_eq!(value(&metrics, r#"copydesk_reloads_total{outcome="done"}"#), Some(2.0));
    assert_eq!(value(&metrics, r#"copydesk_reloads_total{outcome="refused"}"#), Some(1.0));
}

#[test]
fn an_aborted_transaction_moves_no_item_counter() {
    let metrics = Metrics::new("r");
    metrics.aborted();
    metrics.fatal();
    assert_eq!(value(&metrics, "copydesk_raw_items_total"), Some(0.0));
    assert_eq!(value(&metrics, r#"copydesk_transactions_total{outcome="aborted"}"#), Some(1.0));
    assert_eq!(value(&metrics, r#"copydesk_transactions_total{outcome="fatal"}"#), Some(1.0));
}

#[test]
fn a_record_from_the_future_has_no_negative_latency() {
    let metrics = Metrics::new("r");
    let mut counts = Counts::default();
    counts.published(10_000);
    metrics.committed(&counts, Duration::ZERO, 2_000);
    assert_eq!(value(&metrics, "copydesk_latency_seconds_sum"), Some(0.0));
}

#[test]
fn cleared_counts_are_empty() {
    let mut counts = Counts { raw_items: 3, ..items_of(&[Some("UPI"), None]) };
    counts.published(1);
    counts.rejected(Stage::Dedup, Reason::BadNormalized, None);
    counts.clear();
    assert_eq!(counts, Counts::default());
}

#[test]
fn the_series_of_a_partition_go_with_it() {
    let metrics = complete();
    metrics.set_lag(Input::Normalized, 0, 5);
    metrics.forget_partition(Input::Normalized, 0);
    metrics.forget_partition(Input::Normalized, 7);
    let text = metrics.render().unwrap();
    assert!(!text.contains(r#"partition="0",topic="normalized""#), "{text}");
    assert!(
        !text.contains("copydesk_dedup_entries{") && !text.contains("copydesk_restore_remaining_records{"),
        "{text}"
    );
    assert_eq!(value(&metrics, r#"copydesk_lag_records{partition="0",topic="raw"}"#), Some(1.0));
}

#[test]
fn shares_of_several_workers_add_up_and_go_with_their_worker() {
    let metrics = Metrics::new("r");
    let mut one = metrics.inflight_bytes();
    let mut two = metrics.inflight_bytes();
    one.set(700);
    two.set(300);
    one.set(100);
    assert_eq!(value(&metrics, "copydesk_inflight_bytes"), Some(400.0));
    drop(one);
    assert_eq!(value(&metrics, "copydesk_inflight_bytes"), Some(300.0));
}

#[test]
fn the_codes_of_a_closed_set_are_distinct_and_in_the_order_of_their_index() {
    for (index, reason) in Reason::ALL.iter().enumerate() {
        assert_eq!(*reason as usize, index);
    }
    let codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.len(), Reason::ALL.len());
}

#[test]
fn sources_without_a_name_and_with_none_that_could_be_one_are_counted_under_common_ones() {
    let metrics = Metrics::new("r");
    let endless = "x".repeat(65);
    metrics.committed(
        &items_of(&[None, Some("two\nlines"), Some(&endless), Some(""), Some("Süd \"1\"")]),
        Duration::ZERO,
        0,
    );
    for (source, items) in [("unnamed", 1.0), ("other", 3.0), (r#"Süd \"1\""#, 1.0)] {
        assert_eq!(value(&metrics, &format!(r#"copydesk_source_items_total{{source="{source}"}}"#)), Some(items));
    }
}

#[test]
fn the_number_of_sources_with_series_of_their_own_is_bounded_and_no_item_is_left_out() {
    let metrics = Metrics::new("r");
    let names: Vec<String> = (0..150).map(|number| format!("feed {number}")).collect();
    let mut counts = Counts::default();
    for part in names.chunks(60) {
        counts.clear();
        part.iter().for_each(|name| counts.normalized(Some(name)));
        metrics.committed(&counts, Duration::ZERO, 0);
    }
    let series = |text: &str| text.lines().filter(|line| line.starts_with("copydesk_source_items_total{")).count();
    assert!(series(&metrics.render().unwrap()) <= 102, "{}", metrics.render().unwrap());
    let sum: f64 = metrics
        .render()
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("copydesk_source_items_total{")?.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert_eq!(sum, 150.0);
    assert!(value(&metrics, r#"copydesk_source_items_total{source="other"}"#) >= Some(50.0));
}
